// The fields of a task that are chosen: priority, assignee, due time, labels; and who made it when.
import { edit } from '../actions.js';
import { each, h, when } from '../dom.js';
import { inFull, moment, t } from '../i18n.js';
import { icon } from '../icons.js';
import { memo } from '../state.js';
import { nameOf } from '../store.js';
import { PRIORITIES } from '../transitions.js';
import { hueOf } from './card.js';

const MANY_LABELS = 5;

/** @param {import('../state.js').Signal<any>} task @param {() => boolean} editor @param {import('../state.js').Signal<any[]>} members */
export function properties(task, editor, members) {
  const priority = memo(() => task.value?.priority);
  const assignee = memo(() => task.value?.assigneeId ?? '');
  const due = memo(() => task.value?.dueTime ?? ''); // what is being typed stays while something else changes
  const locked = () => !editor();
  const { createTime } = task.peek();
  const option = (value, name, chosen) => h('option', { value, selected: value === chosen }, name);
  return h('dl.properties', null,
    part(t('task.priority'), 'prop-priority', h('select.input', {
      id: 'prop-priority', disabled: locked, onchange: (event) => edit(task.peek(), { priority: event.target.value }),
    }, () => PRIORITIES.map((each_) => option(each_, t(`priority.${each_}`), priority.value)))),
    part(t('task.assignee'), 'prop-assignee', h('select.input', {
      id: 'prop-assignee', disabled: locked, onchange: (event) => edit(task.peek(), { assigneeId: event.target.value || null }),
    }, () => [option('', t('filter.nobody'), assignee.value), people(members.value, assignee.value).map(([id, name]) => option(id, name, assignee.value))])),
    part(t('task.due'), 'prop-due', h('input.input', {
      id: 'prop-due', type: 'datetime-local', disabled: locked, value: () => (due.value ? local(due.value) : ''),
      onchange: (event) => edit(task.peek(), { dueTime: event.target.value ? new Date(event.target.value).toISOString() : null }),
    })),
    part(t('task.labels'), 'prop-labels', labels(task, editor), () => (task.value?.labels.length > MANY_LABELS ? 'property-full' : '')),
    h('div.property.property-wide', null, h('dt', null, t('task.created')), h('dd.muted', null,
      () => `${nameOf(task.value?.creatorId ?? '')}, `, h('time', { datetime: createTime, title: inFull(createTime) }, moment(createTime)),
      () => task.value?.recurrence && h('span.mark', null, icon('repeat'), task.value.recurrence))));
}

/** @param {string} name @param {string} id @param {Element} control @param {() => string} [how] */
function part(name, id, control, how = () => '') {
  return h('div.property', { class: how }, h('dt', null, h('label', { for: id }, name)), h('dd', null, control));
}

function people(members, assignee) {
  const known = members.map((one) => [one.userId, one.username]);
  return assignee && !known.some(([id]) => id === assignee) ? [...known, [assignee, nameOf(assignee)]] : known;
}

function labels(task, editor) {
  const now = () => task.peek()?.labels ?? [];
  const add = () => {
    const label = input.value.trim().replace(/,$/, '');
    input.value = '';
    if (label && !now().includes(label)) edit(task.peek(), { labels: [...now(), label] });
  };
  const drop = (label) => {
    edit(task.peek(), { labels: now().filter((one) => one !== label) });
    input.focus();
  };
  const input = h('input.input.label-input', {
    id: 'prop-labels', maxlength: '64', disabled: () => !editor(), placeholder: t('task.label.add'), autocomplete: 'off', onblur: add,
    onkeydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ',') return;
      event.preventDefault();
      add();
    },
  });
  return h('div.labels', null,
    each(() => task.value?.labels ?? [], (label) => label, ({ value: label }) => h('span.tag', { class: `hue-${hueOf(label)}` }, label,
      when(editor, () => h('button.tag-remove', { type: 'button', 'aria-label': t('task.label.remove', { label }), onclick: () => drop(label) }, icon('close'))))),
    input);
}

/** A moment as `datetime-local` wants it. @param {string} time */
function local(time) {
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
