// Who is signed in. The record lies in localStorage, so that a reload and other tabs go on with it: no script but ours runs
// here (the page's policy sees to it), and a refresh token works once. Two tabs must not spend the same one, for its second
// use ends the session; so whoever refreshes holds a lock of the whole browser. A browser that has no such locks (a page
// over plain HTTP from another machine) keeps the session to the tab instead.
import { ApiError, sendAgain, uuid } from './http.js';
import { signal } from './state.js';

/** @typedef {{accessToken: string, refreshToken: string, expiresAt: number, user: any}} Record_ */

const KEY = 'taskbell.session';
const EARLY = 60_000;
const shared = Boolean(navigator.locks);
const storage = shared ? localStorage : sessionStorage;

/** The user who is signed in, or null. */
export const user = signal(/** @type {any} */ (read()?.user ?? null));
/** The newest access token: whoever holds a connection tells it. */
export const accessToken = signal(read()?.accessToken ?? '');

window.addEventListener('storage', (event) => { if (event.key === KEY) announce(read()); });

/** @returns {Record_ | null} */
function read() {
  try {
    return JSON.parse(storage.getItem(KEY) ?? 'null');
  } catch {
    return null;
  }
}

function announce(record) {
  accessToken.value = record?.accessToken ?? '';
  if (record?.user?.id !== user.peek()?.id) user.value = record?.user ?? null;
}

function keep(session) {
  const { accessToken: token, refreshToken, expiresIn } = session;
  const record = { accessToken: token, refreshToken, expiresAt: Date.now() + expiresIn * 1000, user: session.user };
  storage.setItem(KEY, JSON.stringify(record));
  announce(record);
  return record;
}

function forget() {
  storage.removeItem(KEY);
  announce(null);
}

/** @param {string} username a name or an e-mail address @param {string} password */
export async function signIn(username, password) {
  keep(await sendAgain({ method: 'POST', path: '/v1/sessions', body: { username, password } }));
}

/** Registers, and signs in. @param {{username: string, email: string, password: string}} account */
export async function signUp(account) {
  await sendAgain({ method: 'POST', path: '/v1/users', body: account, headers: { 'Idempotency-Key': uuid() } });
  await signIn(account.username, account.password);
}

/** Ends the session here and at the server. */
export async function signOut() {
  const record = read();
  forget();
  if (!record) return;
  const headers = { Authorization: `Bearer ${record.accessToken}` };
  await sendAgain({ method: 'DELETE', path: '/v1/sessions/current', headers }).catch(() => {}); // its tokens end by themselves
}

/** Takes over a user that has changed. @param {any} changed */
export function replaceUser(changed) {
  const record = read();
  if (!record) return;
  storage.setItem(KEY, JSON.stringify({ ...record, user: changed }));
  user.value = changed;
}

/**
 * A token for the next call.
 * @param {string} [refused] one that was turned down although it seemed to hold
 * @returns {Promise<string>}
 */
export async function token(refused) {
  const record = read();
  if (!record) throw new ApiError(401, 'CREDENTIALS_MISSING', '');
  if (holds(record, refused)) return record.accessToken;
  return await exclusively(async () => {
    const now = read();
    if (!now) throw new ApiError(401, 'CREDENTIALS_MISSING', '');
    if (holds(now, refused)) return now.accessToken; // another tab was quicker
    try {
      return keep(await sendAgain({ method: 'POST', path: '/v1/sessions:refresh', body: { refreshToken: now.refreshToken } })).accessToken;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) forget();
      throw error;
    }
  });
}

/** Milliseconds until the token should be refreshed. */
export function freshFor() {
  return Math.max((read()?.expiresAt ?? 0) - Date.now() - EARLY, 0);
}

function holds(record, refused) {
  return record.expiresAt - EARLY > Date.now() && record.accessToken !== refused;
}

/** @type {Promise<any>} */
let turn = Promise.resolve();
function exclusively(work) {
  if (shared) return navigator.locks.request(KEY, work);
  const result = turn.then(work);
  turn = result.catch(() => {});
  return result;
}
