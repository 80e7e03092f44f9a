// What could not be read, in the server's words, and another try.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';

/** @param {() => string} text empty: all is well @param {() => any} again */
export function troubleNote(text, again) {
  return () => text() && h('div.trouble-note', { role: 'alert' }, icon('ban'), h('p', null, text()), h('button.button', { type: 'button', onclick: again }, icon('repeat'), t('again')));
}
