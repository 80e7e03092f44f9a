// What the page knows of the system, as the newest answer or event tells it. An older version never replaces a newer one, so
// it doesn't matter which of the two comes first.
import * as api from './api.js';
import * as live from './live.js';
import { inOrder } from './newest.js';
import * as session from './session.js';
import { batch, effect, signal, untracked } from './state.js';

/** Tasks by id, as the server has them. Deleted ones stay, so that a late answer can't bring them back. */
export const tasks = signal(/** @type {Map<string, any>} */ (new Map()));
/** What was changed here and isn't confirmed yet, by task, oldest first. */
export const drafts = signal(/** @type {Map<string, object[]>} */ (new Map()));
/** The projects of the user; null until they are known. */
export const projects = signal(/** @type {any[] | null} */ (null));
/** Usernames by user id. */
export const people = signal(/** @type {Map<string, string>} */ (new Map()));
/** Who else just changed a task: shown by a mark that fades. */
export const touched = signal(/** @type {Map<string, {actorId: string, type: string}>} */ (new Map()));

const MARK_MS = 6000;
const asked = new Set();

/** A task as it is to be shown; undefined if it isn't known or was deleted. @param {string} id */
export function task(id) {
  const known = tasks.value.get(id);
  if (!known) return undefined;
  const shown = withDrafts(known);
  return shown.deleteTime ? undefined : shown;
}

/** Whether a task is known to be deleted. @param {string} id */
export function wasDeleted(id) {
  return Boolean(tasks.value.get(id)?.deleteTime);
}

/** All tasks that match, as they are to be shown. @param {(task: any) => boolean} matches */
export function tasksWhere(matches) {
  const found = [];
  for (const known of tasks.value.values()) {
    const shown = withDrafts(known);
    if (!shown.deleteTime && matches(shown)) found.push(shown);
  }
  return found;
}

/** Takes tasks over from answers and events. @param {any[]} newer */
export function learn(newer) {
  const fresh = newer.filter((each) => each.version >= (tasks.peek().get(each.id)?.version ?? 0));
  if (fresh.length) tasks.value = new Map([...tasks.peek(), ...fresh.map((each) => /** @type {[string, any]} */ ([each.id, each]))]);
}

/**
 * Shows a change at once. Returns what takes it back.
 * @param {string} id @param {object} draft
 */
export function addDraft(id, draft) {
  drafts.value = new Map([...drafts.peek(), [id, [...(drafts.peek().get(id) ?? []), draft]]]);
  return () => {
    const rest = (drafts.peek().get(id) ?? []).filter((each) => each !== draft);
    const next = new Map(drafts.peek());
    if (rest.length) next.set(id, rest);
    else next.delete(id);
    drafts.value = next;
  };
}

/** A user's name, asked for if it isn't known. @param {string} id */
export function nameOf(id) {
  if (!id) return '';
  const known = people.value.get(id);
  if (known === undefined && !asked.has(id)) {
    asked.add(id);
    untracked(() => api.users.get(id)).then((user) => learnNames([user]), (error) => askAgain(id, error));
  }
  return known ?? '…';
}

/** A task's title, asked for if the task isn't known; the end of its id until then, and if it can't be read. @param {string} id */
export function titleOf(id) {
  const known = tasks.value.get(id);
  if (!known && !asked.has(id)) {
    asked.add(id);
    untracked(() => api.tasks.get(id)).then((found) => learn([found]), (error) => askAgain(id, error));
  }
  return known?.title ?? `…${id.slice(-6)}`;
}

/** Lets the next one who shows it ask once more, if there was only no way to the server. */
function askAgain(id, error) {
  if (error.passing) asked.delete(id);
}

/** @param {{id?: string, userId?: string, username: string}[]} users */
export function learnNames(users) {
  people.value = new Map([...people.peek(), ...users.map((each) => /** @type {[string, string]} */ ([each.userId || each.id || '', each.username]))]);
}

const turn = inOrder();

/** Reads the projects again. */
export async function loadProjects() {
  const [me, isNews] = [session.user.peek()?.id, turn()];
  const known = await api.projects.list();
  if (me !== session.user.peek()?.id || !isNews()) return;
  const ids = new Set(known.map((each) => each.id));
  batch(() => {
    projects.value = known;
    tasks.value = new Map([...tasks.peek()].filter(([, each]) => ids.has(each.projectId))); // whom one left, one sees no more
  });
}

/** @param {string} id */
export function project(id) {
  return projects.value?.find((each) => each.id === id);
}

/** Whether the user may change tasks there. @param {string} projectId */
export function mayEdit(projectId) {
  const role = project(projectId)?.role;
  return role === 'EDITOR' || role === 'OWNER';
}

/** Keeps all of it up to date while somebody is signed in. */
export function start() {
  effect(() => {
    const me = session.user.value;
    batch(() => {
      tasks.value = new Map();
      drafts.value = new Map();
      touched.value = new Map();
      projects.value = null;
      people.value = new Map(me ? [[me.id, me.username]] : []);
    });
    asked.clear();
  });
  effect(() => {
    const me = session.user.value;
    if (me && live.missed.value >= 0) loadProjects().catch(() => {});
  });
  live.listen((event, subscription) => {
    if (subscription !== 'all') return;
    batch(() => {
      if (event.task) learn([event.task]);
      if (event.task && event.actorId && event.actorId !== session.user.peek()?.id) mark(event);
      if (event.type.startsWith('member.') || event.type.startsWith('project.')) loadProjects().catch(() => {});
    });
  });
}

function withDrafts(known) {
  const changes = drafts.value.get(known.id);
  return changes ? Object.assign({}, known, ...changes) : known;
}

function mark({ taskId, actorId, type }) {
  const sign = { actorId, type };
  touched.value = new Map([...touched.peek(), [taskId, sign]]);
  setTimeout(() => {
    if (touched.peek().get(taskId) !== sign) return;
    const rest = new Map(touched.peek());
    rest.delete(taskId);
    touched.value = rest;
  }, MARK_MS);
}
