// Before signing in: sign in, sign up, a forgotten password, and where the links of our mails lead.
import * as api from '../api.js';
import { append, fill, h } from '../dom.js';
import { field, form } from '../form.js';
import { language, setLanguage, t } from '../i18n.js';
import { icon } from '../icons.js';
import { href, place, replace } from '../router.js';
import * as session from '../session.js';

const FORMS = { signin, signup, forgot, reset, confirm };

/** @param {string} name which of them */
export function account(name) {
  const other = language.value === 'en' ? 'ru' : 'en';
  const card = h('main.account-card', null, h('h1', null, t(`${name}.title`)));
  append(card, FORMS[name](card));
  return h('div.account', null,
    h('header.account-brand', null, h('span.brand-mark', null, icon('bell')), h('span', null, 'Taskbell')),
    card,
    h('footer.account-foot', null,
      h('p', null, t('claim')),
      h('button.link', { type: 'button', lang: other, onclick: () => setLanguage(other) }, other === 'ru' ? 'По-русски' : 'In English')));
}

function signin() {
  const save = async ({ username, password }) => {
    await session.signIn(username.trim(), password);
    if (place.peek().name === 'signin') replace('');
  };
  return [
    form({}, save,
      field(t('signin.username'), { name: 'username', required: true, autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', autofocus: true }),
      field(t('signin.password'), { name: 'password', type: 'password', required: true, autocomplete: 'current-password' }),
      h('button.button.primary.full', { type: 'submit' }, t('signin.title'))),
    h('p.account-links', null, h('a', { href: href('signup') }, t('signin.noaccount')), h('a', { href: href('forgot') }, t('forgot.link'))),
  ];
}

function signup() {
  const save = async ({ username, email, password }) => {
    await session.signUp({ username: username.trim(), email: email.trim(), password });
    replace('');
  };
  return [
    form({}, save,
      field(t('signin.username'), { name: 'username', required: true, autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', autofocus: true }, t('signup.username.hint')),
      field(t('signup.email'), { name: 'email', type: 'email', required: true, autocomplete: 'email' }),
      field(t('signin.password'), { name: 'password', type: 'password', required: true, autocomplete: 'new-password' }, t('signup.password.hint')),
      h('button.button.primary.full', { type: 'submit' }, t('signup.title'))),
    h('p.account-links', null, h('a', { href: href('signin') }, t('signup.have'))),
  ];
}

function forgot(card) {
  const save = async ({ email }) => {
    await api.users.requestPasswordReset(email.trim());
    fill(card, h('h1', null, t('forgot.sent.title')), h('p', null, t('forgot.sent', { email })), back());
  };
  return [
    h('p', null, t('forgot.explain')),
    form({}, save,
      field(t('signup.email'), { name: 'email', type: 'email', required: true, autocomplete: 'email', autofocus: true }),
      h('button.button.primary.full', { type: 'submit' }, t('forgot.send'))),
    back(),
  ];
}

function reset(card) {
  const token = secretOfLink();
  const save = async ({ password }) => {
    await api.users.resetPassword(token, password);
    fill(card, h('h1', null, t('reset.done.title')), h('p', null, t('reset.done')), h('a.button.primary.full', { href: href('signin') }, t('signin.title')));
  };
  return [
    form({}, save,
      field(t('reset.password'), { name: 'password', type: 'password', required: true, autocomplete: 'new-password', autofocus: true }, t('signup.password.hint')),
      h('button.button.primary.full', { type: 'submit' }, t('reset.save'))),
    back(),
  ];
}

function confirm(card) {
  const token = secretOfLink();
  const save = async () => {
    await api.users.confirmEmail(token);
    fill(card, h('h1', null, t('confirm.done.title')), h('p', null, t('confirm.done')), h('a.button.primary.full', { href: href('') }, t('confirm.go')));
    if (session.user.peek()) api.users.get('me').then(session.replaceUser, () => {});
  };
  // A button, so that a mail scanner that follows links confirms nothing.
  return form({}, save, h('p', null, t('confirm.explain')), h('button.button.primary.full', { type: 'submit' }, t('confirm.save')));
}

/** The secret in the address; it doesn't stay there to be seen. */
function secretOfLink() {
  const { query, name } = place.peek();
  history.replaceState(null, '', href(name));
  return query.token ?? '';
}

function back() {
  return h('p.account-links', null, h('a', { href: href('signin') }, t('forgot.back')));
}
