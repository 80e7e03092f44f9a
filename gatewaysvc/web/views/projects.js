// Projects: a new one, its name, its end.
import * as api from '../api.js';
import { confirm, openDialog } from '../dialog.js';
import { h, when } from '../dom.js';
import { field, form } from '../form.js';
import { t } from '../i18n.js';
import { go } from '../router.js';
import { loadProjects, project } from '../store.js';
import { tell, tellError } from '../toasts.js';
import { projectHead } from './project_head.js';
import { webhooksOf } from './webhooks.js';

/** Asks for the title of a new project, and goes there. */
export function newProject() {
  openDialog(t('project.new'), (close) => form({}, async ({ title }) => {
    const made = await api.projects.create({ title: title.trim() });
    await loadProjects();
    close();
    go(`projects/${made.id}`);
  },
  field(t('project.title'), { name: 'title', required: true, autofocus: true, maxlength: '200', autocomplete: 'off' }),
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
  const owner = () => project(projectId)?.role === 'OWNER';
  // Built once it is known, and not again: what is being typed is not overwritten.
  return h('section.project', null, projectHead(projectId, 'settings'), h('div.narrow', null,
    when(() => project(projectId), () => form({}, save,
      field(t('project.title'), { name: 'title', required: true, value: project(projectId).title, maxlength: '200', disabled: () => !owner() }),
      field(t('project.description'), { name: 'description', value: project(projectId).description, rows: '5', disabled: () => !owner() }, t('markdown.hint')),
      when(owner, () => h('button.button.primary', { type: 'submit' }, t('save'))))),
    when(owner, () => webhooksOf(projectId)),
    when(() => owner() && !project(projectId).personal, () => h('section.danger-zone', null,
      h('h2', null, t('project.delete')), h('p', null, t('project.delete.explain')), h('button.button.danger', { type: 'button', onclick: remove }, t('project.delete'))))));
}
