// A list of tasks that is read page by page and then kept by events.
import * as api from './api.js';
import * as live from './live.js';
import { batch, effect, onCleanup, signal } from './state.js';
import { learn } from './store.js';
import { words } from './toasts.js';

const SOON_MS = 250;

/**
 * Reads the tasks of a query into the store, again whenever the query changes or something may have been missed.
 * @param {() => Record<string, any> | null} query as ListTasks takes it
 * @param {(event: any) => boolean} [affects] the events after which the server must be asked again, for what only it can tell
 */
export function pager(query, affects = () => false) {
  const loading = signal(true);
  const trouble = signal('');
  const next = signal('');
  /** The tasks that the server named for this query. */
  const ids = signal(/** @type {Set<string>} */ (new Set()));
  const again = signal(0);
  let running = new AbortController();
  let timer;

  effect(() => {
    const wanted = query();
    void [live.missed.value, again.value];
    if (wanted) read(wanted, '');
  });
  onCleanup(live.listen((event, subscription) => {
    if (subscription !== 'all' || !affects(event)) return;
    clearTimeout(timer);
    timer = setTimeout(() => { again.value += 1; }, SOON_MS);
  }));
  onCleanup(() => {
    clearTimeout(timer);
    running.abort();
  });

  async function read(wanted, pageToken) {
    running.abort();
    const mine = running = new AbortController();
    try {
      const answer = await api.tasks.list({ ...wanted, pageToken }, mine.signal);
      batch(() => {
        learn(answer.tasks);
        ids.value = new Set([...(pageToken ? ids.peek() : []), ...answer.tasks.map((task) => task.id)]);
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
    ids,
    /** Whether there is more. */
    more: () => Boolean(next.value),
    /** Reads the next page. */
    readOn: () => { const wanted = query(); if (wanted) read(wanted, next.peek()); },
  };
}
