// What may become of a task, as docs tell it: only what is allowed is offered.

/** The statuses in the order of the board's columns. */
export const STATUSES = ['PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED'];
export const PRIORITIES = ['URGENT', 'HIGH', 'NORMAL', 'LOW'];

/** @typedef {'start' | 'complete' | 'cancel' | 'reopen'} Verb */

/** @type {Record<string, Record<string, Verb>>} */
const VERBS = {
  PENDING: { IN_PROGRESS: 'start', COMPLETED: 'complete', CANCELLED: 'cancel' },
  IN_PROGRESS: { COMPLETED: 'complete', CANCELLED: 'cancel' },
  COMPLETED: { PENDING: 'reopen' },
  FAILED: { PENDING: 'reopen' },
  CANCELLED: { PENDING: 'reopen' },
};
/** The way back, where there is one. @type {Record<string, Record<string, Verb[]>>} */
const BACK = {
  PENDING: { COMPLETED: ['reopen'], CANCELLED: ['reopen'] },
  IN_PROGRESS: { COMPLETED: ['reopen', 'start'], CANCELLED: ['reopen', 'start'] },
  COMPLETED: { PENDING: ['complete'] },
  CANCELLED: { PENDING: ['cancel'] },
};

/** Where a task may go, in the order of the columns. @param {any} task */
export function targets(task) {
  return STATUSES.filter((to) => verb(task, to));
}

/** What takes a task there; undefined if nothing does. Workers alone start the tasks of queues. @param {any} task @param {string} to */
export function verb(task, to) {
  const found = VERBS[task.status]?.[to];
  return task.queue && found === 'start' ? undefined : found;
}

/** What undoes that move; empty if nothing does. @param {any} task @param {string} to */
export function wayBack(task, to) {
  return task.queue && task.status === 'IN_PROGRESS' ? [] : BACK[task.status]?.[to] ?? [];
}
