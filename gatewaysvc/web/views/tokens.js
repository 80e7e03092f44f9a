// The user's API tokens: what workers, scripts and CI jobs sign in with.
import * as api from '../api.js';
import { confirm } from '../dialog.js';
import { each, fill, h } from '../dom.js';
import { choices, chosen, field, form } from '../form.js';
import { day, inFull, t } from '../i18n.js';
import { icon } from '../icons.js';
import { signal } from '../state.js';
import { tell, tellError, words } from '../toasts.js';
import { accountHead } from './account_head.js';
import { secretOnce } from './secret.js';
import { troubleNote } from './trouble.js';

const SCOPES = ['tasks:read', 'tasks:write', 'projects:read', 'projects:write', 'queues:work', 'notifications:read', 'notifications:write', 'account'];
const DAYS = ['30', '90', '365', ''];

export function tokens() {
  const all = signal(/** @type {any[] | null} */ (null));
  const trouble = signal('');
  const read = async () => {
    try {
      all.value = (await api.tokens.list()).reverse();
      trouble.value = '';
    } catch (error) {
      trouble.value = words(error);
    }
  };
  read();

  const fresh = h('div');
  const create = async (values, element) => {
    const expireTime = values.days ? new Date(Date.now() + Number(values.days) * 86_400_000).toISOString() : undefined;
    const { secret, ...made } = await api.tokens.create({ name: values.name.trim(), scopes: chosen(values, 'scopes'), expireTime });
    all.value = [made, ...(all.peek() ?? [])];
    element.reset();
    fill(fresh, secretOnce(t('token.secret', { name: made.name }), secret, t('token.once')));
    fresh.querySelector('input')?.focus();
  };
  const revoke = async (token) => {
    if (!await confirm(t('token.revoke'), t('token.revoke.sure', { name: token.name }), t('token.revoke'))) return;
    try {
      await api.tokens.remove(token.id);
      all.value = (all.peek() ?? []).filter((one) => one.id !== token.id);
      fill(fresh);
      tell(t('token.revoked', { name: token.name }));
    } catch (error) {
      tellError(error);
    }
  };

  return h('section.page', null,
    accountHead('tokens'),
    h('div.narrow', null,
      h('p.muted', null, t('token.explain')),
      form({ class: 'card-form', 'aria-label': t('token.new') }, create,
        h('div.form-grid', null,
          field(t('token.name'), { name: 'name', required: true, maxlength: '100', autocomplete: 'off', placeholder: t('token.name.hint') }),
          field(t('token.expires'), { name: 'days', value: '90', options: DAYS.map((days) => [days, t(`token.days.${days || 'never'}`)]) })),
        choices(t('token.scopes'), 'scopes', SCOPES.map((scope) => [scope, scope, t(`scope.${scope}`)]), { required: true }),
        h('button.button.primary', { type: 'submit' }, t('token.new'))),
      fresh,
      () => all.value === null && !trouble.value && [1, 2].map(() => h('div.skeleton.skeleton-line')),
      troubleNote(() => trouble.value, read),
      () => all.value?.length === 0 && h('div.empty', null, icon('key'), h('h2', null, t('token.empty.title')), h('p', null, t('token.empty'))),
      h('ul.rows', null, each(() => all.value ?? [], (token) => token.id, (token) => row(token.peek(), revoke)))));
}

function row(token, revoke) {
  const { name, scopes, createTime, expireTime } = token;
  const over = expireTime && new Date(expireTime) < new Date();
  return h('li.row.token', null,
    h('span.row-icon', null, icon('key')),
    h('div.row-body', null,
      h('p.row-name', null, name),
      h('p.row-note', null,
        t('token.made', { day: day(createTime) }), ' · ',
        expireTime ? h('time', { datetime: expireTime, title: inFull(expireTime), class: over ? 'late' : '' }, t(over ? 'token.over' : 'token.until', { day: day(expireTime) })) : t('token.forever')),
      h('p.tags', null, scopes.map((scope) => h('span.tag', null, scope)))),
    h('button.icon-button', { type: 'button', title: t('token.revoke'), 'aria-label': t('token.revoke.one', { name }), onclick: () => revoke(token) }, icon('trash')));
}
