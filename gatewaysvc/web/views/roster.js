// The members of a project, kept by events.
import * as api from '../api.js';
import * as live from '../live.js';
import { inOrder } from '../newest.js';
import { effect, onCleanup, signal } from '../state.js';
import { learnNames } from '../store.js';

/** @param {string} projectId @returns {import('../state.js').Signal<any[]>} */
export function membersOf(projectId) {
  const members = signal(/** @type {any[]} */ ([]));
  const turn = inOrder();
  const read = async () => {
    const isNews = turn();
    const found = await api.projects.members(projectId).catch(() => null);
    if (!found || !isNews()) return;
    learnNames(found);
    members.value = found;
  };
  effect(() => {
    void live.missed.value;
    if (projectId) read();
  });
  onCleanup(live.listen((event, subscription) => {
    if (subscription === 'all' && event.projectId === projectId && event.type.startsWith('member.')) read();
  }));
  return members;
}
