// Short notes at the edge: what was done, with a way back; what went wrong.
import { h } from './dom.js';
import { lasting, t } from './i18n.js';
import { ApiError } from './http.js';
import { icon } from './icons.js';

const SHOWN_MS = 6000;
const MOST = 3;
const quiet = h('div.toasts', { role: 'status', 'aria-live': 'polite' });
const loud = h('div.toasts.toasts-errors', { role: 'alert' });

/** Where the notes appear; to be put into the document once. */
export const places = [quiet, loud];

/** @typedef {{label: string, run: () => any}} Action */

/** @type {Action | undefined} */
let latest;

/** Notes that something was done. Returns what takes the note away. @param {string} text @param {Action} [action] */
export function tell(text, action) {
  latest = action;
  return show(quiet, h('div.toast', null, icon('check'), h('p', null, text)), action);
}

/** Notes that something went wrong. @param {unknown} error */
export function tellError(error) {
  tellTrouble(words(error));
}

/** Notes what is wrong elsewhere, in these words. @param {string} text */
export function tellTrouble(text) {
  show(loud, h('div.toast.toast-error', null, icon('ban'), h('p', null, text)));
}

/** Does what the newest note offers (undo). */
export function takeBack() {
  const action = latest;
  latest = undefined;
  for (const toast of quiet.querySelectorAll('.toast')) toast.remove();
  action?.run();
}

/** An error in the user's words by its reason; the server's own where there are none for it. @param {any} error */
export function words(error) {
  if (!(error instanceof ApiError)) {
    reportError(error);
    return t('error.ours');
  }
  if (error.status === 0) return t(navigator.onLine ? 'error.unreachable' : 'error.offline');
  const key = `error.${error.reason}`;
  const told = t(key, { wait: lasting(`${Math.ceil(parseFloat(error.retryDelay))}s`) });
  return told === key ? error.message || t('error.unreachable') : told; // a proxy in between may have said nothing
}

function show(place, toast, action) {
  const close = () => {
    clearTimeout(timer);
    toast.remove();
  };
  const run = () => {
    close();
    latest = undefined;
    action.run();
  };
  if (action) toast.append(h('button.link', { type: 'button', onclick: run }, action.label));
  toast.append(h('button.icon-button', { type: 'button', 'aria-label': t('close'), onclick: close }, icon('close')));
  let timer = setTimeout(close, SHOWN_MS);
  // Who reads it, or is about to press its button, has all the time.
  for (const name of ['pointerenter', 'focusin']) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ['pointerleave', 'focusout']) toast.addEventListener(name, () => { timer = setTimeout(close, SHOWN_MS); });
  place.append(toast);
  while (place.children.length > MOST) place.firstElementChild?.remove();
  return close;
}
