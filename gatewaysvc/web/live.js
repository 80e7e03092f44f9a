// The live conversation over the WebSocket `/v1/events`: everything that the user may see, the inbox, and filters while they
// are looked through, from where each stopped. After a loss it connects again, ever more slowly and never in step with others,
// and goes on after the last cursors.
import * as session from './session.js';
import { batch, effect, onCleanup, signal } from './state.js';

/** @typedef {'off' | 'connecting' | 'live' | 'waiting'} State */

/**
 * @typedef {object} Subscription
 * @property {string} id as events name it
 * @property {object} what as docs/protocol.md has it
 * @property {string} cursor of the last event; empty before it has begun
 * @property {import('./state.js').Signal<number>} missed counts the times that something may have been missed, its beginning among them
 * @property {import('./state.js').Signal<string>} refusal why there is none, in the server's words
 */

/** How the connection is. */
export const state = signal(/** @type {State} */ ('off'));
/** Counts the times that something of all may have been missed: who shows a list, reads it again. */
export const missed = signal(0);
/** The same of the inbox. */
export const missedInbox = signal(0);
/** How many notifications are unread. */
export const unread = signal(0);

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const SILENCE = 50_000; // the server pings every 20 seconds

/** @type {Set<(event: any, subscription: string) => void>} */
const listeners = new Set();
/** @type {Map<string, Subscription>} */
const subscriptions = new Map();
let numbers = 0;
/** @type {WebSocket | null} */
let socket = null;
/** Whether subscriptions can be asked for on this connection. */
let welcomed = false;
let failures = 0;
/** @type {any} */
let retry;
/** @type {any} */
let renewal;
/** @type {any} */
let watchdog;

/** Calls back with each event, once and in order. @param {(event: any, subscription: string) => void} listener */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Subscribes to something narrower than all, as long as what is around lasts. @param {object} what @returns {Subscription} */
export function subscribe(what) {
  const mine = add(`s${numbers += 1}`, what);
  if (welcomed) ask(mine);
  onCleanup(() => {
    subscriptions.delete(mine.id);
    if (welcomed) say({ unsubscribe: { id: mine.id } });
  });
  return mine;
}

function add(id, what, missedOf = signal(0)) {
  const one = { id, what, cursor: '', missed: missedOf, refusal: signal('') };
  subscriptions.set(id, one);
  return one;
}

/** Connects while somebody is signed in. */
export function start() {
  effect(() => {
    const somebody = session.user.value?.id;
    disconnect();
    add('all', {}, missed);
    add('inbox', { inbox: true }, missedInbox);
    unread.value = 0;
    if (somebody) connect();
  });
  // A token that another call renewed keeps this conversation open as well.
  effect(() => {
    const token = session.accessToken.value;
    if (token && state.peek() === 'live') say({ hello: { token } });
    renewInTime();
  });
  window.addEventListener('online', now);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) now(); });
  window.addEventListener('offline', lost);
}

/** Tries at once instead of later. */
export function now() {
  if (state.peek() === 'waiting') connect();
}

async function connect() {
  clearTimeout(retry);
  state.value = 'connecting';
  let token;
  try {
    token = await session.token();
  } catch {
    return later();
  }
  if (state.peek() !== 'connecting' || socket) return undefined;
  const mine = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/events`);
  socket = mine;
  welcomed = false;
  mine.onopen = () => say({ hello: { token } });
  mine.onmessage = ({ data }) => {
    if (mine !== socket) return;
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, SILENCE);
    hear(JSON.parse(data));
  };
  mine.onclose = async ({ code }) => {
    if (mine !== socket) return;
    socket = null;
    state.value = 'waiting'; // before the token, whose renewal is no reason to speak
    if (code === 4401) await session.token(token).catch(() => {});
    later(code === 1001 ? FIRST_WAIT : undefined);
  };
  return undefined;
}

function later(least) {
  if (socket) return undefined; // another attempt has come through in the meantime
  if (!session.user.peek()) return disconnect();
  state.value = 'waiting';
  const wait = least ?? Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT);
  failures += 1;
  clearTimeout(retry);
  retry = setTimeout(connect, wait * (0.5 + Math.random()));
  return undefined;
}

function disconnect() {
  clearTimeout(retry);
  drop();
  state.value = 'off';
}

/** A connection that is known to be dead isn't waited for. */
function lost() {
  if (!socket) return;
  drop();
  later();
}

function drop() {
  clearTimeout(watchdog);
  const old = socket;
  socket = null;
  old?.close();
}

function renewInTime() {
  clearTimeout(renewal);
  if (session.user.peek()) renewal = setTimeout(() => session.token().catch(() => {}), session.freshFor() + 1000);
}

function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function ask({ id, what, cursor }) {
  say({ subscribe: { id, ...what, after: cursor } });
}

function hear(message) {
  if (message.welcome) {
    if (!welcomed) for (const one of subscriptions.values()) ask(one); // a newer token is welcomed, too
    welcomed = true;
  } else if (message.subscribed) {
    const { id, head } = message.subscribed;
    const one = subscriptions.get(id);
    if (one && !one.cursor) goOn(one, head); // what could not be recovered is told by a gap
    failures = 0;
    state.value = 'live';
  } else if (message.events) {
    const one = subscriptions.get(message.events.id);
    if (!one) return; // it was given up in the meantime
    batch(() => {
      for (const event of message.events.events) {
        one.cursor = event.cursor;
        for (const listener of listeners) listener(event, one.id);
      }
    });
  } else if (message.progress) {
    const one = subscriptions.get(message.progress.id);
    if (one) one.cursor = message.progress.cursor;
  } else if (message.gap) {
    const one = subscriptions.get(message.gap.id);
    if (one) goOn(one, message.gap.head);
  } else if (message.inbox) {
    unread.value = message.inbox.unread ?? 0;
  } else if (message.ping) {
    say({ pong: {} });
  } else if (message.error?.id) {
    const one = subscriptions.get(message.error.id);
    if (one) one.refusal.value = message.error.message;
  }
  // goingAway: the socket closes right after it. error without an id: the close code tells the rest.
}

function goOn(one, head) {
  one.cursor = head;
  batch(() => {
    one.missed.value += 1;
    one.refusal.value = '';
  });
}
