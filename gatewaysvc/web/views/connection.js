// Whether what is shown is live, told only when it isn't.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import * as live from '../live.js';
import { effect, onCleanup, signal } from '../state.js';

const PATIENCE_MS = 1500;

export function connection() {
  const online = signal(navigator.onLine);
  const away = signal(false);
  const listen = () => { online.value = navigator.onLine; };
  let timer;
  for (const name of ['online', 'offline']) window.addEventListener(name, listen);
  onCleanup(() => {
    clearTimeout(timer);
    for (const name of ['online', 'offline']) window.removeEventListener(name, listen);
  });
  effect(() => {
    clearTimeout(timer);
    if (live.state.value === 'live') away.value = false;
    else timer = setTimeout(() => { away.value = true; }, PATIENCE_MS); // a reconnection that nobody notices isn't worth a word
  });
  return h('div.connection', { role: 'status', 'data-state': () => live.state.value }, () => (
    !online.value ? banner('offline', t('connection.offline'))
      : away.value && banner('repeat', t('connection.lost'), h('button.link', { type: 'button', onclick: live.now }, t('connection.now')))));
}

function banner(name, text, ...more) {
  return h('p.banner', null, icon(name), h('span', null, text), more);
}
