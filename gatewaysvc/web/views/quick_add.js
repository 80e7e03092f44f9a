// A new task by its title alone: Enter adds it and waits for the next one.
import * as api from '../api.js';
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { learn } from '../store.js';
import { tellError } from '../toasts.js';

/** @param {string} projectId */
export function quickAdd(projectId) {
  const input = h('input.quick-input', { name: 'title', maxlength: '500', autocomplete: 'off', placeholder: t('task.add'), 'aria-label': t('task.add') });
  const add = async (event) => {
    event.preventDefault();
    const title = input.value.trim();
    if (!title) return;
    input.value = '';
    try {
      learn([await api.tasks.create({ projectId, title })]);
    } catch (error) {
      input.value ||= title; // nothing that was typed is lost
      tellError(error);
    }
  };
  return h('form.quick-add', { onsubmit: add }, icon('plus'), input);
}
