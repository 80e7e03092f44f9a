// What a task belongs to: the one that it is a part of, its own parts, and those that it waits for.
import * as api from '../api.js';
import { each, h } from '../dom.js';
import { t } from '../i18n.js';
import * as live from '../live.js';
import { href } from '../router.js';
import { effect, memo } from '../state.js';
import { learn, task as taskOf, tasksWhere } from '../store.js';

const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);
const MOST = 100;

/** @param {import('../state.js').Signal<any>} task */
export function relations(task) {
  const { id, projectId } = task.peek();
  const whole = memo(() => task.value?.parentId ?? '');
  const blockers = memo(() => (task.value?.blockedBy ?? []).join(' '));
  effect(() => {
    void live.missed.value;
    api.tasks.list({ projectId, filter: `parent_id = "${id}"`, pageSize: MOST }).then((answer) => learn(answer.tasks), () => {});
  });
  effect(() => {
    void live.missed.value;
    for (const other of [whole.value, ...blockers.value.split(' ')]) {
      if (other) api.tasks.get(other).then((found) => learn([found]), () => {}); // one that can't be seen is left out
    }
  });
  return [
    group('task.whole', () => known([whole.value])),
    group('task.parts', () => tasksWhere((other) => other.parentId === id).sort((a, b) => (a.createTime < b.createTime ? -1 : 1))),
    group('task.waits', () => known(blockers.value.split(' '))),
  ];
}

function known(ids) {
  return ids.map(taskOf).filter(Boolean);
}

function group(name, tasks) {
  return h('section.task-part', { 'aria-label': t(name), hidden: () => tasks().length === 0 },
    h('h3', null, t(name)),
    h('ul.relations', null, each(tasks, (other) => other.id, (other) => h('li', { class: () => (ENDED.has(other.value.status) ? 'card-ended' : '') },
      h('span.status-dot', { class: () => `status-${other.value.status}` }), h('span.hidden', null, () => t(`status.${other.value.status}`)),
      h('a.card-link', { href: href(`tasks/${other.peek().id}`) }, () => other.value.title)))));
}
