// What concerns the user, newest first: read, unread, put away.
import * as api from '../api.js';
import { each, h, when } from '../dom.js';
import { ago, inFull, t } from '../i18n.js';
import { icon } from '../icons.js';
import * as live from '../live.js';
import { inOrder } from '../newest.js';
import { go, href } from '../router.js';
import * as session from '../session.js';
import { batch, effect, onCleanup, signal } from '../state.js';
import { learn, nameOf, project } from '../store.js';
import { tell, tellError, words } from '../toasts.js';
import { avatar } from './card.js';
import { troubleNote } from './trouble.js';

const SYMBOLS = { ASSIGNED: 'user', COMPLETED: 'check', FAILED: 'ban', CANCELLED: 'close', DUE_SOON: 'clock', OVERDUE: 'clock', MENTIONED: 'comment', COMMENTED: 'comment' };

export function inbox() {
  const shown = signal(/** @type {any[] | null} */ (null));
  const next = signal('');
  const trouble = signal('');
  const state = signal(''); // unread and read
  const turn = inOrder();
  const read = async (pageToken = '') => {
    const wanted = state.peek();
    const isNews = pageToken ? () => pageToken === next.peek() : turn(); // what goes on from a list that is gone is no news
    try {
      const answer = await api.notifications.list({ state: wanted, pageSize: 30, pageToken });
      if (wanted !== state.peek() || !isNews()) return;
      batch(() => {
        shown.value = pageToken ? [...(shown.peek() ?? []), ...answer.notifications] : answer.notifications;
        next.value = answer.nextPageToken;
        live.unread.value = answer.unreadCount;
        trouble.value = '';
        learn(answer.notifications.map((one) => one.event?.task).filter(Boolean));
      });
    } catch (error) {
      trouble.value = words(error);
    }
  };
  const mark = async (ids, to, told) => {
    const before = shown.peek() ?? [];
    shown.value = before.map((one) => (!ids || ids.includes(one.id) ? { ...one, state: to } : one)).filter((one) => keeps(one, state.peek()));
    try {
      const { unreadCount } = await (ids ? api.notifications.mark(ids, to) : api.notifications.markAll(to));
      live.unread.value = unreadCount;
      if (!told) return;
      const back = before.filter((one) => !ids || ids.includes(one.id)).map((one) => ({ id: one.id, state: one.state }));
      tell(told, ids && { label: t('undo'), run: async () => { await api.notifications.mark(ids, back[0]?.state ?? 'READ').catch(tellError); read(); } });
    } catch (error) {
      shown.value = before;
      tellError(error);
    }
  };
  effect(() => {
    void [live.missedInbox.value, state.value];
    read();
  });
  let timer;
  onCleanup(live.listen((_, subscription) => {
    if (subscription !== 'inbox') return;
    clearTimeout(timer);
    timer = setTimeout(() => read(), 150);
  }));
  onCleanup(() => clearTimeout(timer));
  const choose = (value) => h('button.chip', { type: 'button', 'aria-pressed': () => String(state.value === value), class: () => (state.value === value ? 'chip-on' : ''), onclick: () => { shown.value = null; state.value = value; } }, t(`inbox.show.${value || 'ALL'}`));

  return h('section.page', null,
    h('header.page-head', null, h('h1', null, t('nav.inbox')),
      h('div.filters', { role: 'group', 'aria-label': t('filter.title') }, choose(''), choose('UNREAD'), choose('ARCHIVED')),
      h('button.button.quiet', { type: 'button', disabled: () => live.unread.value === 0, onclick: () => mark(null, 'READ', t('inbox.allread')) }, icon('check'), t('inbox.readall'))),
    () => shown.value === null && !trouble.value && h('ul.rows', null, [1, 2, 3, 4].map(() => h('li.skeleton.skeleton-line'))),
    troubleNote(() => trouble.value, () => read()),
    () => shown.value?.length === 0 && h('div.empty', null, icon('inbox'), h('h2', null, t('inbox.empty.title')), h('p', null, t('inbox.empty'))),
    h('ul.rows.notes', null, each(() => shown.value ?? [], (one) => one.id, (one) => note(one, mark))),
    () => next.value && h('button.button.quiet.full', { type: 'button', onclick: () => read(next.peek()) }, t('more')));
}

function note(one, mark) {
  const { id, event, reason, createTime } = one.peek();
  const isUnread = () => one.value.state === 'UNREAD';
  const open = (click) => {
    click.preventDefault();
    if (isUnread()) mark([id], 'READ');
    go(`tasks/${event.taskId}`);
  };
  const button = (label, symbol, run) => h('button.icon-button', { type: 'button', title: label, 'aria-label': label, onclick: run }, () => icon(symbol()));
  return h('li.note', { class: () => (isUnread() ? 'note-unread' : ''), 'data-notification': id },
    h('span.note-icon', { class: `note-${reason}` }, icon(SYMBOLS[reason] ?? 'bell')),
    h('div.note-body', null,
      h('p.note-why', null, () => (event.actorId ? [avatar(nameOf(event.actorId)), ' '] : null), () => why(reason, event.actorId)),
      h('a.card-link', { href: href(`tasks/${event.taskId}`), onclick: open }, event.task?.title ?? ''),
      h('p.note-when', null, h('time', { datetime: createTime, title: inFull(createTime) }, ago(createTime)), () => (project(event.projectId) ? ` · ${project(event.projectId).title}` : ''))),
    h('div.note-actions', null,
      button(() => t(isUnread() ? 'inbox.read' : 'inbox.unread'), () => (isUnread() ? 'check' : 'bell'), () => mark([id], isUnread() ? 'READ' : 'UNREAD')),
      when(() => one.value.state !== 'ARCHIVED', () => button(t('inbox.archive'), () => 'archive', () => mark([id], 'ARCHIVED', t('inbox.archived'))))));
}

function why(reason, actorId) {
  if (actorId === session.user.peek()?.id && ['ASSIGNED', 'COMPLETED', 'CANCELLED'].includes(reason)) return t(`reason.${reason}.self`);
  return t(`reason.${reason}`, { name: actorId ? nameOf(actorId) : t('system') });
}

function keeps(one, state) {
  return state ? one.state === state : one.state !== 'ARCHIVED';
}
