// A project's queues: what waits, what runs, how fast, and the brake.
import * as api from '../api.js';
import { each, h, when } from '../dom.js';
import { ago, count, lasting, t } from '../i18n.js';
import { icon } from '../icons.js';
import * as live from '../live.js';
import { inOrder } from '../newest.js';
import { effect, onCleanup, signal } from '../state.js';
import { mayEdit } from '../store.js';
import { tell, tellError, words } from '../toasts.js';
import { projectHead } from './project_head.js';
import { troubleNote } from './trouble.js';

const SOON_MS = 300;
const NOW = /** @type {const} */ (['waiting', 'running', 'scheduled', 'blocked']);
const EVER = /** @type {const} */ (['completed', 'failed', 'cancelled']);

/** @param {string} projectId */
export function queues(projectId) {
  const shown = signal(/** @type {any[] | null} */ (null));
  const trouble = signal('');
  const turn = inOrder();
  const read = async () => {
    const isNews = turn();
    try {
      // One by one: only so the workers are told as well.
      const { queues: found } = await api.queues.list(projectId);
      const known = await Promise.all(found.map((queue) => api.queues.get(projectId, queue.name)));
      if (!isNews()) return;
      shown.value = known;
      trouble.value = '';
    } catch (error) {
      trouble.value = words(error);
    }
  };
  const toggle = async (queue) => {
    const paused = Boolean(queue.pauseTime);
    const put = (next) => { shown.value = (shown.peek() ?? []).map((one) => (one.name === queue.name ? { ...one, ...next } : one)); };
    put({ pauseTime: paused ? undefined : new Date().toISOString() });
    try {
      const answer = await (paused ? api.queues.resume : api.queues.pause)(projectId, queue.name);
      put({ pauseTime: answer.pauseTime });
      tell(t(paused ? 'queue.resumed' : 'queue.paused', { name: queue.name }));
    } catch (error) {
      put({ pauseTime: queue.pauseTime });
      tellError(error);
    }
  };
  effect(() => {
    void live.missed.value;
    read();
  });
  let timer;
  onCleanup(live.listen((event, subscription) => {
    if (subscription !== 'all' || event.projectId !== projectId || !event.task?.queue) return;
    timer ??= setTimeout(() => { timer = undefined; read(); }, SOON_MS);
  }));
  onCleanup(() => clearTimeout(timer));

  return h('section.project', null,
    projectHead(projectId, 'queues'),
    h('div.queues', null,
      () => shown.value === null && !trouble.value && [1, 2].map(() => h('div.skeleton.skeleton-queue')),
      troubleNote(() => trouble.value, read),
      () => shown.value?.length === 0 && h('div.empty', null, icon('queue'), h('h2', null, t('queue.empty.title')), h('p', null, t('queue.empty')), h('pre', { tabindex: '0' }, h('code', null, 'taskbell add Resize pictures --queue pictures\ntaskbell worker --queue pictures -- ./resize'))),
      each(() => shown.value ?? [], (queue) => queue.name, (queue) => card(queue, projectId, toggle))));
}

function card(queue, projectId, toggle) {
  const paused = () => Boolean(queue.value.pauseTime);
  const figure = (name) => h('div.figure', { class: `figure-${name}` }, h('dt', null, t(`queue.${name}`)), h('dd', null, () => count(Number(queue.value.depth?.[name] ?? 0))));
  return h('article.queue', { 'data-queue': queue.peek().name, class: () => (paused() ? 'queue-paused' : '') },
    h('header.queue-head', null,
      h('h2', null, icon('queue'), queue.peek().name),
      () => paused() && h('span.tag.tag-paused', null, t('queue.ispaused')),
      when(() => mayEdit(projectId), () => h('button.button', { type: 'button', onclick: () => toggle(queue.peek()) }, () => [icon(paused() ? 'play' : 'pause'), t(paused() ? 'queue.resume' : 'queue.pause')]))),
    h('dl.figures', null, NOW.map(figure)),
    h('dl.figures.figures-small', null, EVER.map(figure)),
    h('p.queue-notes', null, () => [
      t('queue.throughput', { n: count(Math.round((queue.value.throughput ?? 0) * 10) / 10) }),
      queue.value.oldestWaitingAge && t('queue.oldest', { age: lasting(queue.value.oldestWaitingAge) }),
      queue.value.maxConcurrency > 0 && t('queue.most', { n: count(queue.value.maxConcurrency) }),
    ].filter(Boolean).join(' · ')),
    () => queue.value.workers?.length > 0 && h('ul.workers', { 'aria-label': t('queue.workers') }, queue.value.workers.map((worker) => h('li', null,
      h('span.live-dot'), h('span.worker-name', null, worker.name), h('span.muted', null, t('queue.leases', { n: worker.leases ?? 0 }), ' · ', ago(worker.seenTime))))));
}
