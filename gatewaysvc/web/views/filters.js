// What of a project is shown: status, priority, label, assignee, or a filter in words (AIP-160). It stands in the address, so
// it can be sent to others, and the browser's back button knows it.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';
import { replace } from '../router.js';
import * as session from '../session.js';
import { tasksWhere } from '../store.js';
import { PRIORITIES, STATUSES } from '../transitions.js';

/** @typedef {{status?: string, priority?: string, label?: string, assignee?: string, filter?: string}} Filter */

const NOBODY = '-';
const byWord = new Intl.Collator(undefined, { numeric: true }).compare;

/** The filter as the server takes it. @param {Filter} filter */
export function asText({ status, priority, label, assignee, filter }) {
  return [
    status && `status = ${status}`,
    priority && `priority = ${priority}`,
    label && `labels:${quoted(label)}`,
    assignee && (assignee === NOBODY ? '-assignee:*' : `assignee = ${quoted(assignee)}`),
    filter && `(${filter})`,
  ].filter(Boolean).join(' AND ');
}

/** Whether a task passes, as far as that can be said here: a filter in words only the server reads. @param {Filter} filter @param {any} task */
export function passes({ status, priority, label, assignee }, task) {
  return (!status || task.status === status)
    && (!priority || task.priority === priority)
    && (!label || task.labels.includes(label))
    && (!assignee || (assignee === NOBODY ? !task.assigneeId : task.assigneeId === assignee));
}

/**
 * The bar of filters.
 * @param {string} projectId
 * @param {() => import('../router.js').Place | null} where
 * @param {import('../state.js').Signal<any[]>} members
 * @param {() => string} refusal what the server has against the words
 * @param {{withStatus?: boolean}} [how]
 */
export function filterBar(projectId, where, members, refusal, { withStatus = false } = {}) {
  const now = () => where()?.query ?? {};
  const set = (name, value) => {
    const query = { ...now(), [name]: value };
    replace(where()?.path ?? '', query);
  };
  const choice = (name, symbol, options) => h('button.chip', {
    type: 'button',
    class: () => (now()[name] ? 'chip-on' : ''),
    onclick: (event) => openMenu(event.currentTarget, [
      { label: t('filter.any'), checked: !now()[name], run: () => set(name, '') },
      ...options().map(([value, label]) => ({ label, checked: now()[name] === value, run: () => set(name, value) })),
    ]),
  }, icon(symbol), () => (now()[name] ? options().find(([value]) => value === now()[name])?.[1] ?? now()[name] : t(`filter.${name}`)));

  const people = () => [
    [session.user.peek()?.id ?? '', t('filter.me')],
    ...members.value.filter((each) => each.userId !== session.user.peek()?.id).map((each) => [each.userId, each.username]),
    [NOBODY, t('filter.nobody')],
  ];
  const labels = () => [...new Set(tasksWhere((task) => task.projectId === projectId).flatMap((task) => task.labels))].sort(byWord).map((label) => [label, label]);
  const words = h('input.input.filter-words', {
    type: 'search', name: 'filter', 'aria-label': t('filter.words'), 'aria-invalid': () => Boolean(refusal()) && 'true', 'aria-describedby': 'filter-refusal', placeholder: t('filter.words.hint'), spellcheck: 'false', value: () => now().filter ?? '',
    onchange: (event) => set('filter', event.target.value.trim()),
    onkeydown: (event) => { if (event.key === 'Enter') set('filter', event.target.value.trim()); },
  });
  const bar = h('div.filters', { role: 'group', 'aria-label': t('filter.title') },
    withStatus && choice('status', 'board', () => STATUSES.map((status) => [status, t(`status.${status}`)])),
    choice('priority', 'flag', () => PRIORITIES.map((priority) => [priority, t(`priority.${priority}`)])),
    choice('label', 'tag', labels),
    choice('assignee', 'user', people),
    words,
    () => Object.values(now()).some(Boolean) && h('button.link', { type: 'button', onclick: () => replace(where()?.path ?? '') }, t('filter.clear')));
  return [bar, h('p.filter-refusal', { id: 'filter-refusal', role: 'alert' }, refusal)];
}

function quoted(text) {
  return `"${text.replace(/[\\"*]/g, '\\$&')}"`;
}
