// Values that know who uses them. An effect runs again when a signal that it read changes; what was made inside an effect
// or a scope ends with it.

/**
 * @template T
 * @typedef {{value: T, peek: () => T}} Signal
 */

/** @typedef {{cleanups: Set<() => void>}} Owner */

/** @type {(Owner & {sources: Set<Set<any>>, run: () => void}) | null} */
let observer = null;
/** @type {Owner | null} */
let owner = null;
let depth = 0;
/** @type {Set<{run: () => void}>} */
const waiting = new Set();

/**
 * A value that can be watched.
 * @template T
 * @param {T} value
 * @returns {Signal<T>}
 */
export function signal(value) {
  const observers = new Set();
  return {
    get value() {
      if (observer) {
        observers.add(observer);
        observer.sources.add(observers);
      }
      return value;
    },
    set value(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const each of observers) waiting.add(each);
      if (depth === 0) flush();
    },
    peek: () => value,
  };
}

/**
 * Runs now, and again whenever a signal that it read changes.
 * @param {() => void} work
 */
export function effect(work) {
  const self = { sources: new Set(), cleanups: new Set(), run };
  function clear() {
    for (const observers of self.sources) observers.delete(self);
    self.sources.clear();
    end(self);
  }
  function run() {
    clear();
    within(self, self, work);
  }
  onCleanup(() => {
    waiting.delete(self);
    clear();
  });
  run();
}

/**
 * A signal that follows from others.
 * @template T
 * @param {() => T} work
 * @returns {Signal<T>}
 */
export function memo(work) {
  const result = signal(/** @type {any} */ (undefined));
  effect(() => { result.value = work(); });
  return result;
}

/**
 * Builds something whose effects end when the second value is called, or with what is around it.
 * @template T
 * @param {() => T} build
 * @param {Owner | null} [above] null: it outlives what is around it
 * @returns {[T, () => void]}
 */
export function scope(build, above = owner) {
  /** @type {Owner} */
  const self = { cleanups: new Set() };
  const leave = () => {
    above?.cleanups.delete(leave);
    end(self);
  };
  above?.cleanups.add(leave);
  return [within(self, null, build), leave];
}

/**
 * To be called when the effect or scope around it ends or runs again.
 * @param {() => void} work
 */
export function onCleanup(work) {
  owner?.cleanups.add(work);
}

/**
 * Changes several signals; effects run once, afterwards.
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function batch(work) {
  depth += 1;
  try {
    return work();
  } finally {
    depth -= 1;
    if (depth === 0) flush();
  }
}

/**
 * Reads signals without watching them.
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function untracked(work) {
  return within(owner, null, work);
}

function within(newOwner, newObserver, work) {
  const before = [owner, observer];
  [owner, observer] = [newOwner, newObserver];
  try {
    return work();
  } finally {
    [owner, observer] = /** @type {any} */ (before);
  }
}

function end(self) {
  for (const work of self.cleanups) work();
  self.cleanups.clear();
}

function flush() {
  depth += 1;
  try {
    for (const each of waiting) {
      waiting.delete(each);
      try {
        each.run();
      } catch (error) {
        reportError(error); // one part that fails must not keep the others from being drawn
      }
    }
  } finally {
    depth -= 1;
  }
}
