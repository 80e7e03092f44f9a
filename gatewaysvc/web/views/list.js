// Tasks as a list: of a project, or of oneself across all projects.
import { move } from '../actions.js';
import { each, h, when } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { matching } from '../matching.js';
import { pager } from '../pager.js';
import { href } from '../router.js';
import * as session from '../session.js';
import { memo } from '../state.js';
import { mayEdit, project, tasksWhere, touched } from '../store.js';
import { marks, openMoves, progress } from './card.js';
import { asText, filterBar, passes } from './filters.js';
import { projectHead } from './project_head.js';
import { quickAdd } from './quick_add.js';
import { membersOf } from './roster.js';
import { troubleNote } from './trouble.js';

const PAGE = 100;
const ORDER = ['IN_PROGRESS', 'PENDING', 'FAILED', 'COMPLETED', 'CANCELLED'];

/** @param {string} projectId @param {import('../state.js').Signal<any>} where */
export function list(projectId, where) {
  const filter = memo(() => where.value?.query ?? {});
  const words = memo(() => filter.value.filter ?? '');
  const members = membersOf(projectId);
  const matches = matching(projectId, () => words.value);
  const tasks = pager(() => matches.since.value && {
    projectId, pageSize: PAGE, filter: asText(filter.value), orderBy: 'status, priority desc, create_time desc',
  }, matches.named);
  const shown = memo(() => tasksWhere((task) => task.projectId === projectId && passes(filter.value, task) && matches.has(task.id)));
  return h('section.project', null,
    projectHead(projectId, 'list'),
    filterBar(projectId, () => where.value, members, matches.refusal, { withStatus: true }),
    h('div.list', null, when(() => mayEdit(projectId), () => quickAdd(projectId)), groups(shown, tasks, { refusal: matches.refusal })));
}

/** What is mine to do, wherever it is. */
export function mine() {
  const me = session.user.peek()?.id;
  const tasks = pager(() => ({ projectId: '-', pageSize: PAGE, filter: 'assignee = me AND (status = PENDING OR status = IN_PROGRESS)', orderBy: 'priority desc, due_time' }));
  const shown = memo(() => tasksWhere((task) => task.assigneeId === me && (task.status === 'PENDING' || task.status === 'IN_PROGRESS')));
  return h('section.page', null,
    h('header.page-head', null, h('h1', null, t('nav.mine'))),
    h('div.list', null, groups(shown, tasks, { withProject: true })));
}

/** @param {any} shown @param {any} tasks @param {{withProject?: boolean, refusal?: () => string}} [how] */
function groups(shown, tasks, { withProject = false, refusal = () => '' } = {}) {
  const RANK = { URGENT: 0, HIGH: 1, NORMAL: 2, LOW: 3 };
  const sorted = memo(() => [...shown.value].sort((a, b) => RANK[a.priority] - RANK[b.priority] || (a.createTime < b.createTime ? 1 : -1)));
  return [
    ORDER.map((status) => {
      const part = memo(() => sorted.value.filter((task) => task.status === status));
      return h('section.list-group', { hidden: () => part.value.length === 0, 'aria-label': t(`status.${status}`) },
        h('h2', null, h('span.status-dot', { class: `status-${status}` }), t(`status.${status}`), h('span.count', null, () => part.value.length)),
        h('ul.rows', null, each(() => part.value, (task) => task.id, (task) => row(task, withProject))));
    }),
    () => tasks.loading.value && !refusal() && !shown.value.length && h('ul.rows', null, [1, 2, 3, 4].map(() => h('li.skeleton.skeleton-line'))),
    troubleNote(() => (refusal() ? '' : tasks.trouble.value), tasks.again),
    () => !tasks.loading.value && !tasks.trouble.value && !refusal() && !shown.value.length && h('div.empty', null, icon('check'), h('h2', null, t('list.empty.title')), h('p', null, t(withProject ? 'mine.empty' : 'list.empty'))),
    () => tasks.more() && h('button.button.quiet.full', { type: 'button', onclick: tasks.readOn }, t('more')),
  ];
}

function row(task, withProject) {
  const { id } = task.peek();
  const open = () => task.value.status === 'PENDING' || task.value.status === 'IN_PROGRESS';
  return h('li.row', { 'data-task': id, class: () => `${open() ? '' : 'card-ended'} ${touched.value.has(id) ? 'card-touched' : ''}` },
    h('button.tick', {
      type: 'button',
      class: () => (task.value.status === 'COMPLETED' ? 'tick-on' : ''),
      disabled: () => !mayEdit(task.value.projectId),
      'aria-label': () => t(open() ? 'move.COMPLETED' : 'move.REOPEN'),
      onclick: () => move(task.peek(), open() ? 'COMPLETED' : 'PENDING'),
    }, icon('check')),
    h('div.row-body', null,
      h('a.card-link', { href: href(`tasks/${id}`) }, h('span.card-title', null, () => task.value.title)),
      () => progress(task.value),
      withProject && h('span.row-project', null, () => project(task.value.projectId)?.title)),
    () => marks(task.value),
    when(() => mayEdit(task.value.projectId), () => h('button.icon-button.card-more', {
      type: 'button', 'aria-label': () => t('task.actions', { title: task.value.title }), onclick: (event) => openMoves(event.currentTarget, task.peek()),
    }, icon('more'))));
}
