// A project's tasks in columns by status. Cards are dragged, or moved by the keyboard: arrows walk, Shift+arrows move, M asks
// where to. Only what the status allows is offered.
import { move } from '../actions.js';
import { each, h, when } from '../dom.js';
import { count, t } from '../i18n.js';
import { icon } from '../icons.js';
import { matching } from '../matching.js';
import { pager } from '../pager.js';
import { memo, signal } from '../state.js';
import { mayEdit, task as taskOf, tasksWhere } from '../store.js';
import { STATUSES, targets } from '../transitions.js';
import { card, openMoves } from './card.js';
import { asText, filterBar, passes } from './filters.js';
import { projectHead } from './project_head.js';
import { membersOf } from './roster.js';
import { quickAdd } from './quick_add.js';
import { troubleNote } from './trouble.js';

const PAGE = 50;
const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);
const RARE = new Set(['FAILED', 'CANCELLED']);
const RANK = { URGENT: 0, HIGH: 1, NORMAL: 2, LOW: 3 };
const SYMBOLS = { PENDING: 'clock', IN_PROGRESS: 'play', COMPLETED: 'check', FAILED: 'ban', CANCELLED: 'close' };

/** @param {string} projectId @param {import('../state.js').Signal<any>} where */
export function board(projectId, where) {
  const filter = memo(() => where.value?.query ?? {});
  const words = memo(() => filter.value.filter ?? '');
  const dragged = signal(/** @type {any} */ (null));
  const members = membersOf(projectId);

  const matches = matching(projectId, () => words.value);

  const columns = STATUSES.map((status) => {
    const tasks = pager(() => matches.since.value && {
      projectId,
      pageSize: PAGE,
      filter: [`status = ${status}`, asText(filter.value)].filter(Boolean).join(' AND '),
      orderBy: ENDED.has(status) ? 'end_time desc' : 'priority desc, create_time',
    }, matches.named);
    const shown = memo(() => tasksWhere((task) => task.projectId === projectId && task.status === status && passes(filter.value, task)
      && matches.has(task.id)).sort(ENDED.has(status) ? byEnd : byUrgency));
    return { status, tasks, shown, refusal: matches.refusal };
  });

  return h('section.project', null,
    projectHead(projectId, 'board'),
    filterBar(projectId, () => where.value, members, matches.refusal),
    troubleNote(() => (matches.refusal() ? '' : columns.find(({ tasks }) => tasks.trouble.value)?.tasks.trouble.value ?? ''), () => { for (const { tasks } of columns) if (tasks.trouble.peek()) tasks.again(); }),
    h('div.board', { role: 'group', 'aria-label': t('nav.board'), onkeydown: walk }, columns.map((each_) => column(projectId, each_, dragged))));
}

function column(projectId, { status, tasks, shown, refusal }, dragged) {
  const opened = signal(!RARE.has(status));
  const accepts = memo(() => dragged.value && targets(dragged.value).includes(status));
  const over = signal(false);
  const id = `column-${status}`;
  const drop = (event) => {
    over.value = false;
    if (!accepts.peek()) return;
    event.preventDefault();
    move(dragged.peek(), status);
    dragged.value = null;
  };
  const toggle = () => { opened.value = !opened.peek(); };
  const rail = h('button.rail', { type: 'button', 'aria-expanded': 'false', onclick: toggle, hidden: () => opened.value },
    icon(SYMBOLS[status]), h('span.rail-name', null, t(`status.${status}`)), h('span.count', null, () => amount(shown, tasks)));

  return h('section.column', {
    'data-status': status,
    'aria-labelledby': id,
    class: () => `${accepts.value ? 'column-accepts' : ''} ${over.value && accepts.value ? 'column-over' : ''} ${opened.value ? '' : 'column-closed'} ${dragged.value && !accepts.value && dragged.value.status !== status ? 'column-refuses' : ''}`,
    ondragover: (event) => { if (accepts.peek()) { event.preventDefault(); over.value = true; } },
    ondragleave: (event) => { if (!event.currentTarget.contains(event.relatedTarget)) over.value = false; },
    ondrop: drop,
  },
    rail,
    h('header.column-head', { hidden: () => !opened.value },
      h('h2', { id }, h('span.status-dot', { class: `status-${status}` }), t(`status.${status}`)),
      h('span.count', null, () => amount(shown, tasks)),
      RARE.has(status) && h('button.icon-button', { type: 'button', 'aria-label': t('board.fold', { column: t(`status.${status}`) }), onclick: toggle }, icon('right'))),
    status === 'PENDING' && when(() => mayEdit(projectId), () => quickAdd(projectId)),
    h('div.column-body', { hidden: () => !opened.value },
      h('ul.cards', null,
        () => tasks.loading.value && !refusal() && !shown.value.length && [1, 2, 3].map(() => h('li.skeleton.skeleton-card')),
        each(() => shown.value, (task) => task.id, (task) => card(task, dragged))),
      () => !tasks.loading.value && !tasks.trouble.value && !refusal() && !shown.value.length && h('p.column-note', null, t(`board.empty.${status}`)),
      () => tasks.more() && h('button.button.quiet.full', { type: 'button', onclick: tasks.readOn }, t('more'))));
}

function amount(shown, tasks) {
  return count(shown.value.length) + (tasks.more() ? '+' : '');
}

/** The keys on a card that has the focus. @param {KeyboardEvent} event */
function walk(event) {
  const link = /** @type {HTMLElement} */ (event.target);
  const item = link.closest?.('.card');
  if (!item || !link.matches('.card-link') || event.ctrlKey || event.metaKey || event.altKey) return;
  const task = taskOf(/** @type {HTMLElement} */ (item).dataset.task ?? '');
  if (!task) return;
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key.toLowerCase() === 'm') openMoves(/** @type {any} */ (item.querySelector('.card-more')), task);
  else if (sideways && event.shiftKey) moveSideways(task, sideways);
  else if (sideways) focusColumn(item, sideways);
  else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') focusCard(event.key === 'ArrowDown' ? item.nextElementSibling : item.previousElementSibling);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function moveSideways(task, step) {
  const at = STATUSES.indexOf(task.status);
  const to = targets(task).filter((each_) => Math.sign(STATUSES.indexOf(each_) - at) === step && each_ !== 'CANCELLED');
  const chosen = step > 0 ? to[0] : to.at(-1);
  if (!chosen || !mayEdit(task.projectId)) return;
  move(task, chosen);
  queueMicrotask(() => focusCard(document.querySelector(`.card[data-task="${task.id}"]`)));
}

function focusColumn(item, step) {
  const columns = [...document.querySelectorAll('.column')];
  const at = columns.indexOf(item.closest('.column'));
  const row = [...item.parentElement.children].indexOf(item);
  for (let next = at + step; columns[next]; next += step) {
    const cards = columns[next].querySelectorAll('.card');
    if (cards.length && !columns[next].matches('.column-closed')) return focusCard(cards[Math.min(row, cards.length - 1)]);
  }
  return undefined;
}

function focusCard(item) {
  item?.querySelector('.card-link')?.focus();
  item?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function byUrgency(a, b) {
  return RANK[a.priority] - RANK[b.priority] || (a.createTime < b.createTime ? -1 : a.createTime > b.createTime ? 1 : 0);
}

function byEnd(a, b) {
  const [left, right] = [a.endTime ?? '9', b.endTime ?? '9']; // one that ends just now is first
  return left > right ? -1 : left < right ? 1 : 0;
}
