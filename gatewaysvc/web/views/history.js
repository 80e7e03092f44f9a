// Who changed what of a task, newest first.
import * as api from '../api.js';
import { each, h } from '../dom.js';
import { ago, inFull, moment, t } from '../i18n.js';
import * as live from '../live.js';
import { inOrder } from '../newest.js';
import { effect, onCleanup, signal } from '../state.js';
import { nameOf, titleOf } from '../store.js';
import { tellError } from '../toasts.js';

const TOLD = new Set(['title', 'priority', 'assignee_id', 'due_time', 'labels', 'description', 'project_id', 'recurrence', 'schedule_time', 'blocked_by', 'parent_id']);

/** @param {string} taskId */
export function historyOf(taskId) {
  const changes = signal(/** @type {any[] | null} */ (null));
  const next = signal('');
  const opened = signal(false);
  const turn = inOrder();
  const read = async (pageToken = '') => {
    const isNews = pageToken ? () => pageToken === next.peek() : turn(); // what goes on from a list that is gone is no news
    try {
      const answer = await api.tasks.history(taskId, pageToken);
      if (!isNews()) return;
      changes.value = pageToken ? [...(changes.peek() ?? []), ...answer.history] : answer.history;
      next.value = answer.nextPageToken;
    } catch (error) {
      tellError(error);
    }
  };
  effect(() => {
    void live.missed.value;
    if (opened.value) read();
  });
  onCleanup(live.listen((event, subscription) => {
    if (subscription === 'all' && event.taskId === taskId && opened.peek()) read();
  }));
  return h('details.task-part.history', { ontoggle: (event) => { opened.value = event.target.open; } },
    h('summary', null, h('h3', null, t('history.title'))),
    () => opened.value && changes.value === null && h('div.skeleton.skeleton-line'),
    h('ol.changes', null, each(() => changes.value ?? [], (one) => one.eventId, (one) => changeOf(one, changes))),
    () => next.value && h('button.link', { type: 'button', onclick: () => read(next.peek()) }, t('more')));
}

function changeOf(one, changes) {
  const { eventId, actorId, type, time } = one.peek();
  const before = () => { const all = changes.value ?? []; return all[all.findIndex((each_) => each_.eventId === eventId) + 1]?.task; };
  return h('li.change', null,
    h('p', null, h('strong', null, () => (actorId ? nameOf(actorId) : t('system'))), ' ', what(type), ' ', h('time.muted', { datetime: time, title: inFull(time) }, ago(time))),
    type === 'task.updated' && (() => h('ul', null, one.value.changedFields.filter((name) => TOLD.has(name)).map((name) => h('li', null, field(name, before(), one.value.task))))));
}

function what(type) {
  const key = `history.${type.split('.')[1]}`;
  const told = t(key);
  return told === key ? type : told;
}

function field(name, before, after) {
  const label = t(`field.${name}`);
  if (name === 'description' || !before) return label;
  const camel = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return [label, ': ', h('s', null, told(name, before[camel])), ' → ', told(name, after?.[camel])];
}

function told(name, value) {
  if (value === undefined || value === '' || (Array.isArray(value) && !value.length)) return '—';
  if (name === 'assignee_id') return nameOf(value);
  if (name === 'parent_id') return titleOf(value);
  if (name === 'blocked_by') return value.map(titleOf).join(', ');
  if (name === 'priority') return t(`priority.${value}`);
  if (name.endsWith('_time')) return moment(value);
  return Array.isArray(value) ? value.join(', ') : String(value);
}
