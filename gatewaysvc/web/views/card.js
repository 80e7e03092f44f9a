// A task as a card: what one must know of it at a glance.
import { move, remove } from '../actions.js';
import { h, when } from '../dom.js';
import { day, inFull, t } from '../i18n.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';
import { go, href } from '../router.js';
import { mayEdit, nameOf, touched } from '../store.js';
import { targets } from '../transitions.js';

const MOST_LABELS = 4;
const MOVE_ICONS = { PENDING: 'undo', IN_PROGRESS: 'play', COMPLETED: 'check', CANCELLED: 'ban' };
const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

/** @param {import('../state.js').Signal<any>} task @param {import('../state.js').Signal<any>} [dragged] */
export function card(task, dragged) {
  const { id, projectId } = task.peek();
  return h('li.card', {
    'data-task': id,
    draggable: () => Boolean(dragged) && mayEdit(projectId),
    class: () => `${ENDED.has(task.value.status) ? 'card-ended' : ''} ${touched.value.has(id) ? 'card-touched' : ''} ${dragged?.value?.id === id ? 'card-dragged' : ''}`,
    ondragstart: (event) => {
      event.dataTransfer.setData('text/plain', task.peek().title);
      event.dataTransfer.effectAllowed = 'move';
      if (dragged) setTimeout(() => { dragged.value = task.peek(); }); // the browser takes the card's picture first
    },
    ondragend: () => { if (dragged) dragged.value = null; },
  },
    h('div.card-top', null,
      h('a.card-link', { href: href(`tasks/${id}`), draggable: false, 'aria-keyshortcuts': dragged ? 'm' : false }, h('span.card-title', null, () => task.value.title)),
      when(() => mayEdit(projectId), () => h('button.icon-button.card-more', {
        type: 'button', tabindex: '-1', 'aria-label': () => t('task.actions', { title: task.value.title }), onclick: (event) => openMoves(event.currentTarget, task.peek()),
      }, icon('more')))),
    () => marks(task.value),
    () => progress(task.value),
    () => touched.value.has(id) && h('p.card-mark', null, t(`mark.${kindOf(touched.value.get(id))}`, { name: nameOf(touched.value.get(id)?.actorId ?? '') })));
}

/** What can be done with a task, as a menu. @param {HTMLElement} anchor @param {any} task */
export function openMoves(anchor, task) {
  openMenu(anchor, [
    { label: t('task.open'), icon: 'edit', run: () => go(`tasks/${task.id}`) },
    null,
    ...targets(task).map((to) => ({ label: t(`move.${task.status === 'PENDING' || to !== 'PENDING' ? to : 'REOPEN'}`), icon: MOVE_ICONS[to], run: () => move(task, to) })),
    null,
    { label: t('task.delete'), icon: 'trash', danger: true, run: () => remove(task) },
  ]);
}

/** Priority, labels, due time, assignee, queue. @param {any} task */
export function marks(task) {
  const late = task.dueTime && !ENDED.has(task.status) && new Date(task.dueTime) < new Date();
  const all = [
    priorityMark(task.priority),
    task.queue && h('span.tag.tag-queue', { title: task.queue }, icon('queue'), h('span', null, task.queue)),
    task.labels.slice(0, MOST_LABELS).map((label) => h('span.tag', { class: `hue-${hueOf(label)}`, title: label }, h('span', null, label))),
    task.labels.length > MOST_LABELS && h('span.tag', { title: task.labels.slice(MOST_LABELS).join(', ') }, `+${task.labels.length - MOST_LABELS}`),
    task.recurrence && h('span.mark', { title: t('task.recurs') }, icon('repeat'), h('span.hidden', null, t('task.recurs'))),
    task.dueTime && h('time.mark', { datetime: task.dueTime, title: inFull(task.dueTime), class: late ? 'late' : '' }, icon('calendar'), day(task.dueTime)),
    task.lastError && task.status === 'FAILED' && h('span.mark.late', { title: task.lastError }, t('task.attempts', { n: task.attempt })),
    task.assigneeId && h('span.mark.card-assignee', null, avatar(nameOf(task.assigneeId))),
  ].flat().filter(Boolean);
  return all.length > 0 && h('div.card-marks', null, all);
}

/** @param {string} priority */
export function priorityMark(priority) {
  const symbol = { URGENT: 'flag', HIGH: 'up', LOW: 'down' }[priority];
  return symbol && h('span.priority', { class: `priority-${priority}`, title: t(`priority.${priority}`) }, icon(/** @type {any} */ (symbol)), h('span', null, t(`priority.${priority}`)));
}

/** @param {any} task */
export function progress(task) {
  if (task.status !== 'IN_PROGRESS' || !task.progress) return false;
  const { percent = 0, message = '' } = task.progress;
  return h('div.progress', null,
    h('progress', { max: '100', value: percent, 'aria-label': t('task.progress') }),
    h('span', null, message ? `${percent} % · ${message}` : `${percent} %`));
}

/** @param {string} name */
export function avatar(name) {
  return h('span.avatar', { class: `hue-${hueOf(name)}`, title: name }, h('span', { 'aria-hidden': 'true' }, name.slice(0, 2)), h('span.hidden', null, name));
}

/** A colour that a word always has. @param {string} word */
export function hueOf(word) {
  let sum = 7;
  for (const letter of word) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return sum % 8;
}

function kindOf(sign) {
  const kind = sign.type.split('.')[1];
  return ['created', 'started', 'completed', 'cancelled', 'reopened'].includes(kind) ? kind : 'changed';
}
