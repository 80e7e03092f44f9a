// The public REST API, as far as the page uses it.
import { ApiError, sendAgain, uuid } from './http.js';
import * as session from './session.js';

/**
 * A call of the user who is signed in. A token that was turned down is renewed once.
 * @param {string} method
 * @param {string} path
 * @param {{query?: object, body?: any, signal?: AbortSignal}} [more]
 */
async function call(method, path, more = {}) {
  /** @type {Record<string, string>} */
  const key = method === 'GET' ? {} : { 'Idempotency-Key': uuid() };
  const as = (token) => sendAgain({ method, path, ...more, headers: { ...key, Authorization: `Bearer ${token}` } });
  const token = await session.token();
  try {
    return await as(token);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
    return as(await session.token(token));
  }
}

const get = (path, query, signal) => call('GET', path, { query, signal });
const post = (path, body = {}) => call('POST', path, { body });
const patch = (path, body, query) => call('PATCH', path, { body, query });
const remove = (path, query) => call('DELETE', path, { query });
const anonymous = (path, body) => sendAgain({ method: 'POST', path, body });
const part = encodeURIComponent;

export const users = {
  get: (id) => get(`/v1/users/${part(id)}`),
  confirmEmail: (token) => anonymous('/v1/users:confirmEmail', { token }),
  sendConfirmation: () => post('/v1/users/me:sendConfirmation'),
  requestPasswordReset: (email) => anonymous('/v1/users:requestPasswordReset', { email }),
  resetPassword: (token, password) => anonymous('/v1/users:resetPassword', { token, password }),
};

export const projects = {
  list: () => all((pageToken) => get('/v1/projects', { pageSize: 1000, pageToken }), 'projects'),
  create: (project) => post('/v1/projects', project),
  update: (id, changes) => patch(`/v1/projects/${part(id)}`, changes),
  remove: (id) => remove(`/v1/projects/${part(id)}`),
  members: (id) => all((pageToken) => get(`/v1/projects/${part(id)}/members`, { pageSize: 1000, pageToken }), 'members'),
  addMember: (id, member) => post(`/v1/projects/${part(id)}/members`, member),
  updateMember: (id, userId, role) => patch(`/v1/projects/${part(id)}/members/${part(userId)}`, { role }),
  removeMember: (id, userId) => remove(`/v1/projects/${part(id)}/members/${part(userId)}`),
};

export const tasks = {
  get: (id) => get(`/v1/tasks/${part(id)}`),
  list: (query, signal) => get('/v1/tasks', query, signal),
  search: (query, signal) => get('/v1/tasks:search', query, signal),
  create: (task) => post('/v1/tasks', task),
  update: (id, changes, etag) => patch(`/v1/tasks/${part(id)}`, etag ? { ...changes, etag } : changes, { updateMask: Object.keys(changes).join(',') }),
  remove: (id) => remove(`/v1/tasks/${part(id)}`),
  restore: (id) => post(`/v1/tasks/${part(id)}:restore`),
  /** @param {string} id @param {'start' | 'complete' | 'cancel' | 'reopen'} verb */
  change: (id, verb) => post(`/v1/tasks/${part(id)}:${verb}`),
  history: (id, pageToken) => get(`/v1/tasks/${part(id)}/history`, { pageSize: 20, pageToken }),
};

export const comments = {
  list: (taskId, pageToken) => get(`/v1/tasks/${part(taskId)}/comments`, { pageSize: 200, pageToken }),
  create: (taskId, text) => post(`/v1/tasks/${part(taskId)}/comments`, { text }),
  update: (taskId, id, text) => patch(`/v1/tasks/${part(taskId)}/comments/${part(id)}`, { text }),
  remove: (taskId, id) => remove(`/v1/tasks/${part(taskId)}/comments/${part(id)}`),
};

export const queues = {
  list: (projectId) => get('/v1/queues', { projectId, pageSize: 1000 }),
  get: (projectId, name) => get(`/v1/queues/${part(name)}`, { projectId }),
  pause: (projectId, name) => post(`/v1/queues/${part(name)}:pause`, { projectId }),
  resume: (projectId, name) => post(`/v1/queues/${part(name)}:resume`, { projectId }),
};

export const notifications = {
  list: (query) => get('/v1/notifications', query),
  mark: (ids, state) => post('/v1/notifications:mark', { ids, state }),
  markAll: (state) => post('/v1/notifications:mark', { all: true, state }),
  preferences: () => get('/v1/notifications/preferences'),
  updatePreferences: (changes) => patch('/v1/notifications/preferences', changes),
};

export const tokens = {
  list: () => all((pageToken) => get('/v1/tokens', { pageSize: 1000, pageToken }), 'tokens'),
  create: (token) => post('/v1/tokens', token),
  remove: (id) => remove(`/v1/tokens/${part(id)}`),
};

const webhooksOf = (projectId) => `/v1/projects/${part(projectId)}/webhooks`;
export const webhooks = {
  list: (projectId) => all((pageToken) => get(webhooksOf(projectId), { pageSize: 1000, pageToken }), 'webhooks'),
  create: (projectId, webhook) => post(webhooksOf(projectId), webhook),
  update: (projectId, id, changes) => patch(`${webhooksOf(projectId)}/${part(id)}`, changes, { updateMask: Object.keys(changes).join(',') }),
  remove: (projectId, id) => remove(`${webhooksOf(projectId)}/${part(id)}`),
  test: (projectId, id) => post(`${webhooksOf(projectId)}/${part(id)}:test`),
  rotateSecret: (projectId, id) => post(`${webhooksOf(projectId)}/${part(id)}:rotateSecret`),
  deliveries: (projectId, id, query) => get(`${webhooksOf(projectId)}/${part(id)}/deliveries`, query),
  retry: (projectId, id, delivery) => post(`${webhooksOf(projectId)}/${part(id)}/deliveries/${part(delivery)}:retry`),
};

/** Every page of a list. */
async function all(page, name) {
  const found = [];
  for (let pageToken = ''; ;) {
    const answer = await page(pageToken);
    found.push(...answer[name]);
    pageToken = answer.nextPageToken;
    if (!pageToken) return found;
  }
}
