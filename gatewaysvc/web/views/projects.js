// Projects: a new one, its name, its end.
import * as api from '../api.js';
import { confirm, openDialog } from '../dialog.js';
import { h } from '../dom.js';
import { field, form } from '../form.js';
import { t } from '../i18n.js';
import { go } from '../router.js';
import { effect } from '../state.js';
import { loadProjects, project } from '../store.js';
import { tell, tellError } from '../toasts.js';
import { projectHead } from './project_head.js';

/** Asks for the title of a new project, and goes there. */
export function newProject() {
  openDialog(t('project.new'), (close) => form({}, async ({ title }) => {
    const made = await api.projects.create({ title: title.trim() });
    await loadProjects();
    close();
    go(`projects/${made.id}`);
  },
  field(t('project.title'), { name: 'title', autofocus: true, maxlength: '200', autocomplete: 'off' }),
  h('footer.dialog-foot', null,
    h('button.button', { type: 'button', onclick: close }, t('cancel')),
    h('button.button.primary', { type: 'submit' }, t('project.create')))));
}

/** @param {string} projectId */
export function settings(projectId) {
  const save = async ({ title, description }) => {
    await api.projects.update(projectId, { title: title.trim(), description });
    await loadProjects();
    tell(t('project.saved'));
  };
  const remove = async () => {
    const title = project(projectId)?.title;
    if (!await confirm(t('project.delete'), t('project.delete.sure', { title }), t('project.delete'))) return;
    try {
      await api.projects.remove(projectId);
      await loadProjects();
      go('');
    } catch (error) {
      tellError(error);
    }
  };
  const fields = h('div.narrow');
  effect(() => {
    const known = project(projectId);
    if (!known || fields.childElementCount) return; // what is being typed is not overwritten
    const owner = known.role === 'OWNER';
    fields.append(
      form({}, save,
        field(t('project.title'), { name: 'title', value: known.title, maxlength: '200', disabled: !owner }),
        field(t('project.description'), { name: 'description', value: known.description, rows: '5', disabled: !owner }, t('markdown.hint')),
        owner && h('button.button.primary', { type: 'submit' }, t('save'))),
      ...(owner && !known.personal ? [h('section.danger-zone', null, h('h2', null, t('project.delete')), h('p', null, t('project.delete.explain')), h('button.button.danger', { type: 'button', onclick: remove }, t('project.delete')))] : []));
  });
  return h('section.project', null, projectHead(projectId, 'settings'), fields);
}
