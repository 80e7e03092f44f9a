// Builds elements. Texts become text nodes and nothing else: there is no way from a string to markup here.
import { effect, memo, onCleanup, scope, signal, untracked } from './state.js';

/** @typedef {Node | string | number | false | null | undefined | (() => any) | any[]} Child */

const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'inert', 'open', 'required', 'readOnly', 'draggable']);

/**
 * An element: `h('button.primary', {type: 'button', onclick: save}, 'Save')`. A property or child that is a function is
 * kept up to date with the signals that it reads.
 * @param {string} what a tag, and classes after dots
 * @param {Record<string, any> | null} [properties]
 * @param {...Child} children
 * @returns {any} the element, of whichever kind
 */
export function h(what, properties, ...children) {
  const [tag, ...classes] = what.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  append(element, children); // first: a select has no value before it has options
  for (const [name, value] of Object.entries(properties ?? {})) apply(element, name, value);
  return element;
}

/**
 * @param {Element} parent
 * @param {Child} child
 */
export function append(parent, child) {
  if (Array.isArray(child)) for (const each of child) append(parent, each);
  else if (typeof child === 'function') /** @type {any} */ (child).mount?.(parent) ?? live(parent, child);
  else if (child !== null && child !== undefined && child !== false) parent.append(/** @type {any} */ (child));
}

/**
 * A list of elements, one for each item: `each(() => tasks.value, (task) => task.id, card)`. An item keeps its element, and
 * the focus in it, wherever it moves; its element sees the item as a signal.
 * @template T
 * @param {() => T[]} items
 * @param {(item: T) => string} key
 * @param {(item: import('./state.js').Signal<T>) => Element} build
 */
export function each(items, key, build) {
  const child = () => {};
  child.mount = (/** @type {Element} */ parent) => {
    const end = parent.appendChild(document.createComment(''));
    /** @type {Map<string, {element: Element, item: any, leave: () => void}>} */
    const rows = new Map();
    effect(() => {
      const wanted = items();
      untracked(() => keepFocus(() => arrange(wanted)));
    });
    onCleanup(() => { for (const row of rows.values()) row.leave(); });

    /** @param {T[]} wanted */
    function arrange(wanted) {
      const keys = new Set(wanted.map(key));
      for (const [name, row] of rows) {
        if (keys.has(name)) continue;
        row.leave();
        row.element.remove();
        rows.delete(name);
      }
      let place = /** @type {Node} */ (rows.size ? firstOf(rows, parent, end) : end);
      for (const item of wanted) {
        const name = key(item);
        let row = rows.get(name);
        if (row) {
          row.item.value = item;
        } else {
          const value = signal(item);
          const [element, leave] = scope(() => build(value), null); // it lives as long as the item does
          row = { element, item: value, leave };
          rows.set(name, row);
        }
        if (row.element === place) place = /** @type {Node} */ (place.nextSibling);
        else parent.insertBefore(row.element, place);
      }
    }
    return true;
  };
  return child;
}

/**
 * A part that is there while a condition holds, and stays as it is meanwhile, with the focus and what was typed in it.
 * @param {() => any} condition
 * @param {() => Child} build
 * @param {() => Child} [otherwise]
 */
export function when(condition, build, otherwise = () => null) {
  const child = () => {};
  child.mount = (/** @type {Element} */ parent) => {
    const holds = memo(() => Boolean(condition()));
    live(parent, () => (holds.value ? untracked(build) : untracked(otherwise)));
    return true;
  };
  return child;
}

/** Empties an element and fills it anew. @param {Element} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

function firstOf(rows, parent, end) {
  const elements = new Set([...rows.values()].map((row) => row.element));
  for (let node = parent.firstChild; node && node !== end; node = node.nextSibling) if (elements.has(node)) return node;
  return end;
}

function live(parent, child) {
  // Whatever stands between the two is the child's, also what a child of its own has put there since.
  const start = parent.appendChild(document.createComment(''));
  const end = parent.appendChild(document.createComment(''));
  effect(() => {
    const value = child();
    const first = start.nextSibling;
    if (first instanceof Text && first.nextSibling === end && (typeof value === 'string' || typeof value === 'number')) {
      first.data = String(value);
      return;
    }
    const fragment = document.createDocumentFragment();
    append(/** @type {any} */ (fragment), value);
    while (start.nextSibling && start.nextSibling !== end) start.nextSibling.remove();
    end.parentNode?.insertBefore(fragment, end);
  });
}

function apply(element, name, value) {
  if (name === 'ref') value(element);
  else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
  else if (typeof value === 'function') effect(() => assign(element, name, value()));
  else assign(element, name, value);
}

function assign(element, name, value) {
  if (name === 'class') {
    // Beside the classes of the tag, which stay.
    for (const old of element.moreClasses ?? []) element.classList.remove(old);
    element.moreClasses = String(value || '').split(' ').filter(Boolean);
    element.classList.add(...element.moreClasses);
  } else if (name === 'style') {
    for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
  } else if (PROPERTIES.has(name)) {
    element[name] = value ?? '';
  } else if (value === false || value === null || value === undefined) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? '' : value);
  }
}

/** Elements that move lose the focus: it is given back. */
function keepFocus(work) {
  const focused = document.activeElement;
  work();
  if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}
