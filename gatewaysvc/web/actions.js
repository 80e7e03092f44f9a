// Changes of tasks: shown at once, taken back with the server's own words if it refuses, and undone where that is possible.
import * as api from './api.js';
import { t } from './i18n.js';
import { batch } from './state.js';
import { addDraft, learn } from './store.js';
import { tell, tellError } from './toasts.js';
import { verb, wayBack } from './transitions.js';

/** Moves a task to another column. @param {any} task @param {string} to */
export function move(task, to) {
  const how = verb(task, to);
  if (!how) return;
  const done = change(task, { status: to }, () => api.tasks.change(task.id, how));
  const way = wayBack(task, to);
  const undo = async () => {
    for (const step of way) learn([await api.tasks.change(task.id, step)]);
  };
  noteAtOnce(t('task.moved', { title: task.title, column: t(`status.${to}`) }), done, way.length ? undo : undefined);
}

/** Deletes a task; it can be brought back. @param {any} task */
export function remove(task) {
  const done = change(task, { deleteTime: new Date().toISOString() }, () => api.tasks.remove(task.id));
  noteAtOnce(t('task.deleted', { title: task.title }), done, async () => { learn([await api.tasks.restore(task.id)]); });
}

/**
 * Changes fields of a task.
 * @param {any} task @param {Record<string, any>} changes null clears a field
 * @returns {Promise<boolean>} whether they were taken
 */
export async function edit(task, changes) {
  const before = Object.fromEntries(Object.keys(changes).map((name) => [name, task[name] ?? null]));
  const shown = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? undefined]));
  const taken = await change(task, shown, () => api.tasks.update(task.id, changes));
  const undo = async () => { learn([await api.tasks.update(task.id, before)]); };
  if (taken) tell(t('task.saved'), { label: t('undo'), run: () => undo().catch(tellError) });
  return taken;
}

/** What is under way, by task: one change after the other, in the order in which they were made. @type {Map<string, Promise<any>>} */
const underWay = new Map();

function inTurn(id, ask) {
  const turn = (underWay.get(id) ?? Promise.resolve()).then(ask, ask);
  underWay.set(id, turn);
  const done = () => { if (underWay.get(id) === turn) underWay.delete(id); };
  turn.then(done, done);
  return turn;
}

/** @returns {Promise<boolean>} whether it was taken */
async function change(task, draft, ask) {
  const takeBack = addDraft(task.id, draft);
  try {
    const answer = await inTurn(task.id, ask);
    batch(() => {
      learn([answer]);
      takeBack();
    });
    return true;
  } catch (error) {
    takeBack();
    tellError(error);
    return false;
  }
}

/** Notes what is shown already, with the way back; the note goes if the server refuses. */
async function noteAtOnce(text, done, undo) {
  const run = async () => {
    if (await done) await undo().catch(tellError);
  };
  const close = tell(text, undo && { label: t('undo'), run });
  if (!await done) close();
}
