// Keyboard shortcuts: single keys, and two after another (`g i`), never while somebody types.
import { h } from './dom.js';
import { openDialog } from './dialog.js';
import { t } from './i18n.js';

/** @typedef {{keys: string, label: string, run?: () => any}} Shortcut */

/** @type {Map<string, Shortcut>} */
const known = new Map();
const PAUSE_MS = 1200;
let before = '';
/** @type {any} */
let timer;

/** Takes shortcuts in; without `run` they are only listed. @param {Shortcut[]} shortcuts */
export function register(shortcuts) {
  for (const each of shortcuts) known.set(each.keys, each);
}

/** Lists all of them. */
export function showShortcuts() {
  if (document.querySelector('dialog[open]')) return;
  openDialog(t('shortcuts.title'), () => h('dl.shortcuts', null, [...known.values()].map(({ keys, label }) => h('div', null,
    h('dt', null, keys.split(' ').map((key) => h('kbd', null, key))), h('dd', null, t(label))))));
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (document.querySelector('dialog[open], .menu:popover-open')) return;
  const shortcut = known.get(before ? `${before} ${event.key}` : event.key);
  clearTimeout(timer);
  before = '';
  if (shortcut?.run) {
    event.preventDefault();
    shortcut.run();
  } else if ([...known.values()].some(({ keys, run }) => run && keys.startsWith(`${event.key} `))) {
    before = event.key;
    timer = setTimeout(() => { before = ''; }, PAUSE_MS);
  }
});

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}
