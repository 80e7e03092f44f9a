// Tasks as a list: of a project, or of oneself across all projects.
import { move } from '../actions.js';
import { each, h, when } from '../dom.js';
import { count, t } from '../i18n.js';
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

const PAGE = 50;
const ORDER = ['IN_PROGRESS', 'PENDING', 'FAILED', 'COMPLETED', 'CANCELLED'];
const OPEN = ['IN_PROGRESS', 'PENDING'];
const RANK = { URGENT: 0, HIGH: 1, NORMAL: 2, LOW: 3 };

/**
 * @typedef {object} Group the tasks of one status, which are read page by page
 * @property {string} status
 * @property {ReturnType<typeof pager>} tasks
 * @property {import('../state.js').Signal<any[]>} shown
 * @property {() => any} wanted whether it is asked for at all
 */

/** @param {string} projectId @param {import('../state.js').Signal<any>} where */
export function list(projectId, where) {
  const filter = memo(() => where.value?.query ?? {});
  const words = memo(() => filter.value.filter ?? '');
  const members = membersOf(projectId);
  const matches = matching(projectId, () => words.value);
  const groups = ORDER.map((status) => {
    const wanted = () => !filter.value.status || filter.value.status === status;
    const tasks = pager(() => wanted() && matches.since.value && {
      projectId,
      pageSize: PAGE,
      filter: [`status = ${status}`, asText(filter.value)].filter(Boolean).join(' AND '),
      orderBy: OPEN.includes(status) ? 'priority desc, create_time desc' : 'end_time desc',
    }, matches.named);
    const shown = memo(() => tasksWhere((task) => task.projectId === projectId && task.status === status && passes(filter.value, task)
      && matches.has(task.id)).sort(OPEN.includes(status) ? byUrgency : byEnd));
    return { status, tasks, shown, wanted };
  });
  return h('section.project', null,
    projectHead(projectId, 'list'),
    filterBar(projectId, () => where.value, members, matches.refusal, { withStatus: true }),
    h('div.list', null, when(() => mayEdit(projectId), () => quickAdd(projectId)), sections(groups, { refusal: matches.refusal })));
}

/** What is mine to do, wherever it is. */
export function mine() {
  const me = session.user.peek()?.id;
  const groups = OPEN.map((status) => ({
    status,
    tasks: pager(() => ({ projectId: '-', pageSize: PAGE, filter: `assignee = me AND status = ${status}`, orderBy: 'priority desc, create_time desc' })),
    shown: memo(() => tasksWhere((task) => task.assigneeId === me && task.status === status).sort(byUrgency)),
    wanted: () => true,
  }));
  return h('section.page', null,
    h('header.page-head', null, h('h1', null, t('nav.mine'))),
    h('div.list', null, sections(groups, { withProject: true })));
}

/** @param {Group[]} groups @param {{withProject?: boolean, refusal?: () => string}} [how] */
function sections(groups, { withProject = false, refusal = () => '' } = {}) {
  const asked = () => groups.filter(({ wanted }) => wanted());
  const isEmpty = () => asked().every(({ shown }) => !shown.value.length);
  const isLoading = () => asked().some(({ tasks }) => tasks.loading.value);
  const trouble = () => (refusal() ? '' : asked().find(({ tasks }) => tasks.trouble.value)?.tasks.trouble.value ?? '');
  const again = () => { for (const { tasks } of asked()) if (tasks.trouble.peek()) tasks.again(); };
  return [
    groups.map(({ status, tasks, shown, wanted }) => h('section.list-group', { hidden: () => !wanted() || !shown.value.length, 'aria-label': t(`status.${status}`) },
      h('h2', null, h('span.status-dot', { class: `status-${status}` }), t(`status.${status}`), h('span.count', null, () => count(shown.value.length) + (tasks.more() ? '+' : ''))),
      h('ul.rows', null, each(() => shown.value, (task) => task.id, (task) => row(task, withProject))),
      () => tasks.more() && h('button.button.quiet.full', { type: 'button', 'aria-label': t('more.of', { column: t(`status.${status}`) }), onclick: tasks.readOn }, t('more')))),
    () => isLoading() && !refusal() && isEmpty() && h('ul.rows', null, [1, 2, 3, 4].map(() => h('li.skeleton.skeleton-line'))),
    troubleNote(trouble, again),
    () => !isLoading() && !trouble() && !refusal() && isEmpty() && h('div.empty', null, icon('check'), h('h2', null, t('list.empty.title')), h('p', null, t(withProject ? 'mine.empty' : 'list.empty'))),
  ];
}

function byUrgency(a, b) {
  return RANK[a.priority] - RANK[b.priority] || (a.id < b.id ? 1 : -1); // ids are in the order of time
}

function byEnd(a, b) {
  return (a.endTime ?? '9') < (b.endTime ?? '9') ? 1 : -1; // one that ends just now is first
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
