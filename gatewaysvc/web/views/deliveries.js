// What a webhook was to be sent, newest first: what was taken, what waits, what was given up.
import * as api from '../api.js';
import { each, h } from '../dom.js';
import { inFull, moment, t } from '../i18n.js';
import { icon } from '../icons.js';
import * as live from '../live.js';
import { effect, onCleanup, signal } from '../state.js';
import { tell, tellError, words } from '../toasts.js';
import { troubleNote } from './trouble.js';

const SOON_MS = 700;
const SELDOM_MS = 15_000;
const PAGE = 20;
const MARKS = { WAITING: 'clock', DELIVERED: 'check', DEAD: 'ban' };

/** @param {string} projectId @param {string} webhookId */
export function deliveriesOf(projectId, webhookId) {
  const shown = signal(/** @type {any[] | null} */ (null));
  const next = signal('');
  const trouble = signal('');
  const opened = signal(false);
  let pause = SOON_MS;
  let timer;

  const read = async (pageToken = '') => {
    clearTimeout(timer);
    try {
      const answer = await api.webhooks.deliveries(projectId, webhookId, { pageSize: PAGE, pageToken });
      shown.value = pageToken ? [...(shown.peek() ?? []), ...answer.deliveries] : answer.deliveries;
      next.value = answer.nextPageToken;
      trouble.value = '';
      if (opened.peek() && !pageToken && answer.deliveries.some(isUnderWay)) later();
    } catch (error) {
      trouble.value = words(error);
    }
  };
  function soon() {
    pause = SOON_MS;
    later();
  }
  function later() {
    clearTimeout(timer);
    timer = setTimeout(read, pause);
    pause = Math.min(2 * pause, SELDOM_MS); // what waits at a paused webhook may wait for long
  }
  const retry = async (delivery) => {
    try {
      const sent = await api.webhooks.retry(projectId, webhookId, delivery.id);
      shown.value = (shown.peek() ?? []).map((one) => (one.id === sent.id ? sent : one));
      tell(t('delivery.retried'));
      soon();
    } catch (error) {
      tellError(error);
    }
  };
  effect(() => {
    void live.missed.value;
    if (opened.value) read();
  });
  // Deliveries are in no stream; but what is sent follows from the project's events.
  onCleanup(live.listen((event, subscription) => { if (subscription === 'all' && event.projectId === projectId && opened.peek()) soon(); }));
  onCleanup(() => {
    opened.value = false; // an answer that is on its way asks for no other
    clearTimeout(timer);
  });

  return h('details.deliveries', { ontoggle: (event) => { opened.value = event.target.open; } },
    h('summary', null, t('delivery.title')),
    () => opened.value && shown.value === null && !trouble.value && h('div.skeleton.skeleton-line'),
    troubleNote(() => trouble.value, () => read()),
    () => shown.value?.length === 0 && h('p.nothing', null, t('delivery.empty')),
    h('ol.delivery-list', { 'aria-label': t('delivery.title') }, each(() => shown.value ?? [], (one) => one.id, (one) => row(one, retry))),
    () => next.value && h('button.link', { type: 'button', onclick: () => read(next.peek()) }, t('more')));
}

function row(one, retry) {
  const { eventType, createTime } = one.peek();
  return h('li.delivery', { 'data-state': () => one.value.state },
    () => h('span.delivery-mark', { class: `delivery-${one.value.state}`, title: t(`delivery.${one.value.state}`) }, icon(MARKS[one.value.state] ?? 'clock'), h('span.hidden', null, t(`delivery.${one.value.state}`))),
    h('div.row-body', null,
      h('p', null, h('code', null, eventType), ' ', h('time.muted', { datetime: createTime, title: inFull(createTime) }, moment(createTime))),
      () => h('p.row-note', null, outcome(one.value))),
    h('button.icon-button', { type: 'button', title: t('delivery.retry'), 'aria-label': t('delivery.retry.one', { type: eventType }), onclick: () => retry(one.peek()) }, icon('repeat')));
}

function outcome({ state, attempts, lastStatus, lastAnswer, nextAttemptTime }) {
  return [
    t(`delivery.${state}`),
    attempts > 0 && t('delivery.attempts', { n: attempts }),
    lastStatus ? `HTTP ${lastStatus}` : '',
    state !== 'DELIVERED' && lastAnswer,
    state === 'WAITING' && attempts > 0 && nextAttemptTime && t('delivery.next', { time: moment(nextAttemptTime) }),
  ].filter(Boolean).join(' · ');
}

/** Whether its end is a matter of seconds. */
function isUnderWay({ state, nextAttemptTime }) {
  return state === 'WAITING' && (!nextAttemptTime || Date.parse(nextAttemptTime) - Date.now() < 10_000);
}
