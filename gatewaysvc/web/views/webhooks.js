// A project's webhooks, in its settings: who is told by HTTP, of what, and what came of it.
import * as api from '../api.js';
import { confirm, openDialog } from '../dialog.js';
import { each, h } from '../dom.js';
import { choices, chosen, field, form } from '../form.js';
import { day, inFull, t } from '../i18n.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';
import { signal } from '../state.js';
import { tell, tellError, tellTrouble, words } from '../toasts.js';
import { deliveriesOf } from './deliveries.js';
import { secretOnce } from './secret.js';
import { troubleNote } from './trouble.js';

const TYPES = [
  'task.*', 'comment.*', 'member.*',
  'task.created', 'task.updated', 'task.started', 'task.completed', 'task.failed', 'task.cancelled', 'task.reopened', 'task.deleted',
  'task.due_soon', 'task.overdue', 'comment.created', 'member.added', 'member.removed',
];

/** @param {string} projectId */
export function webhooksOf(projectId) {
  const all = signal(/** @type {any[] | null} */ (null));
  const trouble = signal('');
  const put = (webhook) => {
    const others = (all.peek() ?? []).filter((one) => one.id !== webhook.id);
    all.value = [...others, webhook].sort((a, b) => (a.createTime < b.createTime ? -1 : 1));
  };
  const read = async () => {
    try {
      all.value = await api.webhooks.list(projectId);
      trouble.value = '';
    } catch (error) {
      trouble.value = words(error);
    }
  };
  read();

  return h('section.settings-part', { 'aria-labelledby': 'webhooks-title' },
    h('header.part-head', null,
      h('h2', { id: 'webhooks-title' }, t('webhook.title')),
      h('button.button', { type: 'button', onclick: () => write(projectId, put) }, icon('plus'), t('webhook.new'))),
    h('p.muted', null, t('webhook.explain')),
    () => all.value === null && !trouble.value && h('div.skeleton.skeleton-line'),
    troubleNote(() => trouble.value, read),
    () => all.value?.length === 0 && h('p.nothing', null, t('webhook.empty')),
    h('ul.webhooks', null, each(() => all.value ?? [], (webhook) => webhook.id, (webhook) => card(webhook, put, (id) => {
      all.value = (all.peek() ?? []).filter((one) => one.id !== id);
    }))));
}

function card(webhook, put, drop) {
  const { id, projectId } = webhook.peek();
  const off = () => webhook.value.disabled || Boolean(webhook.value.pauseTime);
  const attempt = async (work) => {
    try {
      await work();
    } catch (error) {
      tellError(error);
    }
  };
  const toggle = () => attempt(async () => {
    const disabled = !off();
    put(await api.webhooks.update(projectId, id, { disabled }));
    tell(t(disabled ? 'webhook.paused' : 'webhook.resumed'));
  });
  const test = () => attempt(async () => {
    const { delivered, status, answer } = await api.webhooks.test(projectId, id);
    if (delivered) tell(t('webhook.test.taken', { status }));
    else tellTrouble(t('webhook.test.refused', { answer: status ? `HTTP ${status} ${answer}`.trim() : answer }));
  });
  const rotate = async () => {
    if (!await confirm(t('webhook.rotate'), t('webhook.rotate.sure'), t('webhook.rotate'))) return;
    attempt(async () => {
      const { secret, ...changed } = await api.webhooks.rotateSecret(projectId, id);
      put(changed);
      showSecret(changed, secret);
    });
  };
  const remove = async () => {
    if (!await confirm(t('webhook.delete'), t('webhook.delete.sure', { url: webhook.peek().url }), t('webhook.delete'))) return;
    attempt(async () => {
      await api.webhooks.remove(projectId, id);
      drop(id);
      tell(t('webhook.deleted'));
    });
  };
  const menu = (event) => openMenu(event.currentTarget, [
    { label: t('webhook.edit'), icon: 'edit', run: () => write(projectId, put, webhook.peek()) },
    { label: t('webhook.test'), icon: 'play', run: test },
    { label: t('webhook.rotate'), icon: 'key', run: rotate },
    null,
    { label: t('webhook.delete'), icon: 'trash', danger: true, run: remove },
  ]);

  return h('li.webhook', { 'data-webhook': id, class: () => (off() ? 'webhook-off' : '') },
    h('div.webhook-head', null,
      h('div.row-body', null,
        h('p.webhook-url', null, () => webhook.value.url),
        () => webhook.value.description && h('p.row-note', null, webhook.value.description),
        () => h('p.tags', null, state(webhook.value), webhook.value.eventTypes?.length ? webhook.value.eventTypes.map((type) => h('span.tag', null, type)) : h('span.tag', null, t('webhook.everything')))),
      h('button.button', { type: 'button', onclick: toggle }, () => [icon(off() ? 'play' : 'pause'), t(off() ? 'queue.resume' : 'queue.pause')]),
      h('button.icon-button', { type: 'button', 'aria-label': () => t('task.actions', { title: webhook.value.url }), onclick: menu }, icon('more'))),
    deliveriesOf(projectId, id));
}

function state({ disabled, pauseTime, failingSinceTime }) {
  if (pauseTime) return h('span.tag.tag-bad', { title: inFull(pauseTime) }, t('webhook.gaveup', { day: day(pauseTime) }));
  if (disabled) return h('span.tag.tag-paused', null, t('webhook.ispaused'));
  if (failingSinceTime) return h('span.tag.tag-bad', { title: inFull(failingSinceTime) }, t('webhook.failing', { day: day(failingSinceTime) }));
  return h('span.tag.tag-good', null, t('webhook.active'));
}

/** Asks for a new webhook, or for changes of one. */
function write(projectId, put, known) {
  openDialog(t(known ? 'webhook.edit' : 'webhook.new'), (close) => form({}, async (values) => {
    const wanted = { url: values.url.trim(), description: values.description.trim(), eventTypes: chosen(values, 'eventTypes') };
    const { secret, ...taken } = known ? await api.webhooks.update(projectId, known.id, wanted) : await api.webhooks.create(projectId, wanted);
    put(taken);
    close();
    if (secret) showSecret(taken, secret);
    else tell(t('webhook.saved'));
  },
  field(t('webhook.url'), { name: 'url', type: 'url', required: true, value: known?.url, autofocus: true, maxlength: '2048', autocomplete: 'off', spellcheck: 'false', placeholder: 'https://shop.example.com/hooks/1' }),
  field(t('webhook.description'), { name: 'description', value: known?.description, maxlength: '500', autocomplete: 'off' }),
  choices(t('webhook.types'), 'eventTypes', [...new Set([...TYPES, ...(known?.eventTypes ?? [])])].map((type) => [type, type]), { checked: known?.eventTypes ?? [], hint: t('webhook.types.hint') }),
  h('footer.dialog-foot', null,
    h('button.button', { type: 'button', onclick: close }, t('cancel')),
    h('button.button.primary', { type: 'submit' }, t(known ? 'save' : 'webhook.new')))), { wide: true });
}

function showSecret(webhook, secret) {
  openDialog(t('webhook.secret.title'), (close) => [
    secretOnce(t('webhook.secret', { url: webhook.url }), secret, t('webhook.once')),
    h('footer.dialog-foot', null, h('button.button', { type: 'button', onclick: close }, t('close')))], { wide: true });
}
