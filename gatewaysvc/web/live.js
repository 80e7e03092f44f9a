// The live conversation over the WebSocket `/v1/events`: everything that the user may see, and the inbox, from where it
// stopped. After a loss it connects again, ever more slowly and never in step with others, and goes on after the last cursor.
import * as session from './session.js';
import { batch, effect, signal } from './state.js';

/** @typedef {'off' | 'connecting' | 'live' | 'waiting'} State */

/** How the connection is. */
export const state = signal(/** @type {State} */ ('off'));
/** Counts the times that something may have been missed: who shows a list, reads it again. */
export const missed = signal(0);
/** How many notifications are unread. */
export const unread = signal(0);

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const SILENCE = 50_000; // the server pings every 20 seconds
const SUBSCRIPTIONS = { all: {}, inbox: { inbox: true } };

/** @type {Set<(event: any, subscription: string) => void>} */
const listeners = new Set();
/** @type {Record<string, string>} */
let cursors = {};
/** @type {WebSocket | null} */
let socket = null;
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

/** Connects while somebody is signed in. */
export function start() {
  effect(() => {
    const somebody = session.user.value?.id;
    disconnect();
    cursors = {};
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

function hear(message) {
  if (message.welcome) {
    if (state.peek() !== 'live') for (const [id, what] of Object.entries(SUBSCRIPTIONS)) say({ subscribe: { id, ...what, after: cursors[id] ?? '' } });
  } else if (message.subscribed) {
    const { id, head, recovered } = message.subscribed;
    if (!cursors[id] || !recovered) {
      cursors[id] = head;
      if (id === 'all') missed.value += 1;
    }
    failures = 0;
    state.value = 'live';
  } else if (message.events) {
    batch(() => {
      for (const event of message.events.events) {
        cursors[message.events.id] = event.cursor;
        for (const listener of listeners) listener(event, message.events.id);
      }
    });
  } else if (message.progress) {
    cursors[message.progress.id] = message.progress.cursor;
  } else if (message.gap) {
    cursors[message.gap.id] = message.gap.head;
    missed.value += 1;
  } else if (message.inbox) {
    unread.value = message.inbox.unread ?? 0;
  } else if (message.ping) {
    say({ pong: {} });
  }
  // goingAway: the socket closes right after it. error: the close code tells the rest.
}
