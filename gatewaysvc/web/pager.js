// A list of tasks that is read page by page and then kept by events.
import * as api from './api.js';
import * as live from './live.js';
import { batch, effect, onCleanup, signal } from './state.js';
import { learn } from './store.js';
import { words } from './toasts.js';

/**
 * Reads the tasks of a query into the store, again whenever the query changes or something may have been missed.
 * @param {() => Record<string, any> | 0 | false} query as ListTasks takes it; empty: not now
 * @param {(tasks: any[]) => void} [named] is told which tasks the server named
 */
export function pager(query, named = () => {}) {
  const loading = signal(true);
  const trouble = signal('');
  const next = signal('');
  let running = new AbortController();

  effect(() => {
    const wanted = query();
    void live.missed.value;
    if (wanted) read(wanted, '');
    else running.abort();
  });
  onCleanup(() => running.abort());

  async function read(wanted, pageToken) {
    running.abort();
    const mine = running = new AbortController();
    try {
      const answer = await api.tasks.list({ ...wanted, pageToken }, mine.signal);
      batch(() => {
        learn(answer.tasks);
        named(answer.tasks);
        next.value = answer.nextPageToken;
        trouble.value = '';
        loading.value = false;
      });
    } catch (error) {
      if (mine.signal.aborted) return;
      trouble.value = words(error);
      loading.value = false;
    }
  }

  return {
    loading,
    trouble,
    /** Whether there is more. */
    more: () => Boolean(next.value),
    /** Reads from the beginning. */
    again: () => { const wanted = query(); if (wanted) read(wanted, ''); },
    /** Reads the next page. */
    readOn: () => { const wanted = query(); if (wanted) read(wanted, next.peek()); },
  };
}
