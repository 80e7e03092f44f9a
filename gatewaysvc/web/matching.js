// Which tasks of a project match a filter in words. Only the server reads such a filter: its lists name the tasks that match,
// and its events say of each that changes whether it has come to match or ceased to. Nothing is asked twice.
import * as live from './live.js';
import { effect, memo, onCleanup, signal } from './state.js';

const TRANSITIONS = { ENTER: true, CHANGE: true, LEAVE: false };

/** @typedef {{version: number, matches: boolean}} Verdict */

/** @param {string} projectId @param {() => string} words the filter; empty matches everything */
export function matching(projectId, words) {
  /** By task; of a task's versions the newest decides, whether a list or an event told of it. */
  const verdicts = signal(/** @type {Map<string, Verdict>} */ (new Map()));
  const subscription = signal(/** @type {live.Subscription | null} */ (null));

  effect(() => {
    const filter = words();
    subscription.value = filter ? live.subscribe({ project: projectId, filter }) : null;
  });
  effect(() => {
    void subscription.value?.missed.value;
    verdicts.value = new Map();
  });
  onCleanup(live.listen((event, name) => {
    const matches = TRANSITIONS[event.transition];
    if (name === subscription.peek()?.id && matches !== undefined) judge([[event.taskId, { version: event.taskVersion, matches }]]);
  }));

  /** @param {[string, Verdict][]} told */
  function judge(told) {
    const newer = told.filter(([id, { version }]) => version >= (verdicts.peek().get(id)?.version ?? 0));
    if (newer.length) verdicts.value = new Map([...verdicts.peek(), ...newer]);
  }

  return {
    /** Whether a task is known to match. @param {string} id */
    has: (id) => !subscription.value || Boolean(verdicts.value.get(id)?.matches),
    /** Takes in what a list of this filter names. @param {any[]} tasks */
    named: (tasks) => judge(tasks.map((task) => [task.id, { version: task.version, matches: true }])),
    /** Grows when lists are to be read; zero while their time has not come: what is read after the subscription has begun misses nothing. */
    since: memo(() => (subscription.value ? subscription.value.missed.value : 1) || Number(live.state.value !== 'live')),
    /** What the server has against the filter. */
    refusal: () => subscription.value?.refusal.value ?? '',
  };
}
