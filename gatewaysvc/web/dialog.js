// Dialogs: the browser's own, which keeps the focus inside and gives it back.
import { append, h } from './dom.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

let numbers = 0;

/**
 * Opens a dialog. `build` gets what closes it.
 * @param {string} title
 * @param {(close: () => void) => any} build
 * @param {{wide?: boolean, onclose?: () => void, high?: boolean}} [how]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, build, { wide = false, high = false, onclose } = {}) {
  const id = `dialog-${numbers += 1}`;
  const dialog = h('dialog.dialog', { 'aria-labelledby': id, class: `${wide ? 'wide' : ''} ${high ? 'high' : ''}` });
  const close = () => dialog.close();
  append(dialog, [
    h('header.dialog-head', null,
      h('h2', { id }, title),
      h('button.icon-button', { type: 'button', 'aria-label': t('close'), onclick: close }, icon('close'))),
    build(close),
  ]);
  dialog.addEventListener('close', () => {
    dialog.remove();
    onclose?.();
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) close(); });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector('[autofocus]')?.focus();
  return dialog;
}

/**
 * Asks before something that can't be taken back.
 * @param {string} title @param {string} text @param {string} label what is done
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, label) {
  return new Promise((resolve) => {
    let sure = false;
    openDialog(title, (close) => [
      h('p.dialog-text', null, text),
      h('footer.dialog-foot', null,
        h('button.button', { type: 'button', onclick: close }, t('cancel')),
        h('button.button.danger', { type: 'button', onclick: () => { sure = true; close(); } }, label)),
    ], { onclose: () => resolve(sure) });
  });
}
