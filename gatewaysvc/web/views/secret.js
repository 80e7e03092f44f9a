// A secret that the server shows once: to be copied, and gone when the user has left it.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { tell } from '../toasts.js';

/** @param {string} label @param {string} secret @param {string} explanation */
export function secretOnce(label, secret, explanation) {
  const shown = h('input.input.secret', { readOnly: true, value: secret, 'aria-label': label, spellcheck: 'false', autocomplete: 'off', autofocus: true, onfocus: () => shown.select() });
  return h('div.secret-once', { role: 'group', 'aria-label': label },
    h('p.notice', null, icon('key'), h('span', null, explanation)),
    h('div.secret-row', null, shown, h('button.button.primary', { type: 'button', onclick: () => copy(shown) }, icon('copy'), t('copy'))));
}

/** Puts the text of a field on the clipboard. @param {HTMLInputElement} field */
async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand('copy'); // over plain HTTP a browser has nothing better
  }
  tell(t('copied'));
}
