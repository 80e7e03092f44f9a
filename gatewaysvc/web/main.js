// The page begins here.
import { fill, h } from './dom.js';
import { language, t } from './i18n.js';
import * as live from './live.js';
import { place, replace } from './router.js';
import * as session from './session.js';
import { effect, memo, scope } from './state.js';
import * as store from './store.js';
import { places as toasts } from './toasts.js';
import { account } from './views/account.js';
import { shell } from './views/shell.js';

const ANONYMOUS = ['signin', 'signup', 'forgot', 'reset', 'confirm'];
const root = h('div.root');

history.replaceState(null, ''); // loaded: see first.js
document.body.append(root, ...toasts);
store.start();
live.start();

/** What is shown as a whole: the page of somebody, or one of those before signing in. */
const face = memo(() => {
  const { name } = place.value;
  const somebody = session.user.value?.id;
  if (somebody && (name === 'signin' || name === 'signup')) return `shell ${somebody}`;
  if (ANONYMOUS.includes(name)) return name;
  return somebody ? `shell ${somebody}` : 'signin';
});

effect(() => {
  document.documentElement.lang = language.value;
  const [name] = face.value.split(' ');
  if (name === 'shell' && ANONYMOUS.includes(place.peek().name)) replace('');
  const [element] = scope(() => (name === 'shell' ? shell() : account(name)));
  fill(root, element);
  for (const dialog of document.querySelectorAll('dialog')) dialog.close(); // of somebody who is signed out by now
  if (name !== 'shell') document.title = `${t(`${name}.title`)} · Taskbell`;
});
