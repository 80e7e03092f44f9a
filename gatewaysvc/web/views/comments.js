// What is said about a task, oldest first, kept by events.
import * as api from '../api.js';
import { each, h, when } from '../dom.js';
import { ago, inFull, t } from '../i18n.js';
import { ApiError } from '../http.js';
import { markdown } from '../markdown.js';
import * as live from '../live.js';
import { effect, onCleanup, signal } from '../state.js';
import * as session from '../session.js';
import { mayEdit, nameOf, project } from '../store.js';
import { tell, tellError } from '../toasts.js';
import { avatar } from './card.js';
import { marked } from './marked.js';
import { completed } from './mentions.js';

/** @param {string} taskId @param {import('../state.js').Signal<any>} task @param {import('../state.js').Signal<any[]>} members */
export function commentsOf(taskId, task, members) {
  const shown = signal(/** @type {any[] | null} */ (null));
  const there = signal(true);
  /** What became known since the list was asked for, by id; null: deleted. @type {Map<string, any>} */
  let newer = new Map();
  const put = (comment) => {
    newer.set(comment.id, comment);
    show(shown.peek() ?? []);
  };
  const drop = (id) => {
    newer.set(id, null);
    show(shown.peek() ?? []);
  };
  function show(known) {
    const all = [...known.filter((one) => !newer.has(one.id)), ...[...newer.values()].filter(Boolean)];
    shown.value = all.sort((a, b) => (a.createTime < b.createTime ? -1 : a.createTime > b.createTime ? 1 : 0));
  }
  const read = async () => {
    const mine = newer = new Map();
    try {
      const found = [];
      for (let token = ''; ;) {
        const answer = await api.comments.list(taskId, token);
        found.push(...answer.comments);
        token = answer.nextPageToken;
        if (!token) break;
      }
      if (mine === newer) show(found); // else it is read anew
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'ROUTE_NOT_FOUND') there.value = false; // an older server
      else if (shown.peek() === null) shown.value = [];
    }
  };
  effect(() => {
    void live.missed.value;
    read();
  });
  onCleanup(live.listen((event, subscription) => {
    if (subscription !== 'all' || event.taskId !== taskId || !event.type.startsWith('comment.')) return;
    if (event.type === 'comment.deleted') drop(event.comment?.id);
    else if (event.comment) put(event.comment);
  }));

  return when(() => there.value, () => h('section.task-part', { 'aria-label': t('comments.title') },
    h('h3', null, t('comments.title'), () => (shown.value?.length ? h('span.count', null, shown.value.length) : null)),
    () => shown.value === null && h('div.skeleton.skeleton-line'),
    h('ol.comments', null, each(() => shown.value ?? [], (one) => one.id, (one) => commentOf(one, { taskId, task, members, put, drop }))),
    when(() => mayEdit(task.value?.projectId ?? ''), () => writer(members, async (text) => { put(await api.comments.create(taskId, text)); }))));
}

function commentOf(one, { taskId, task, members, put, drop }) {
  const editing = signal(false);
  const { id, authorId } = one.peek();
  const mine = authorId === session.user.peek()?.id;
  const remove = async () => {
    const before = one.peek();
    drop(id);
    try {
      await api.comments.remove(taskId, id);
      tell(t('comments.deleted'));
    } catch (error) {
      put(before);
      tellError(error);
    }
  };
  const save = async (text) => {
    put(await api.comments.update(taskId, id, text));
    editing.value = false;
  };
  return h('li.comment', { 'data-comment': id },
    () => avatar(nameOf(authorId)),
    h('div.comment-body', null,
      h('p.comment-head', null, h('strong', null, () => nameOf(authorId)), ' ',
        h('time.muted', { datetime: one.peek().createTime, title: inFull(one.peek().createTime) }, ago(one.peek().createTime)),
        () => one.value.updateTime && one.value.updateTime !== one.value.createTime && h('span.muted', null, ` · ${t('comments.edited')}`)),
      when(() => editing.value, () => writer(members, save, one.peek().text, () => { editing.value = false; }), () => () => marked(markdown(one.value.text), members.value)),
      () => !editing.value && h('p.comment-actions', null,
        mine && h('button.link', { type: 'button', onclick: () => { editing.value = true; } }, t('edit')),
        (mine || project(task.value?.projectId ?? '')?.role === 'OWNER') && h('button.link', { type: 'button', onclick: remove }, t('delete')))));
}

/** @param {import('../state.js').Signal<any[]>} members @param {(text: string) => Promise<any>} save @param {string} [text] @param {() => void} [cancel] */
function writer(members, save, text = '', cancel) {
  const area = h('textarea.input', { rows: text ? '4' : '2', name: 'comment', placeholder: t('comments.add'), 'aria-label': t('comments.add'), value: text, onkeydown: (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send(event);
    if (event.key === 'Escape' && cancel) {
      event.preventDefault();
      cancel();
    }
  } });
  const button = h('button.button.primary', { type: 'submit' }, t(text ? 'save' : 'comments.send'));
  const send = async (event) => {
    event.preventDefault();
    const said = area.value.trim();
    if (!said || button.disabled) return;
    button.disabled = true;
    try {
      await save(said);
      area.value = '';
    } catch (error) {
      tellError(error);
    } finally {
      button.disabled = false;
    }
  };
  if (text) queueMicrotask(() => area.focus());
  return h('form.comment-form', { onsubmit: send }, completed(area, members), h('div.writing-foot', null, button, cancel && h('button.button.quiet', { type: 'button', onclick: cancel }, t('cancel')), h('span.field-note', null, t('comments.hint'))));
}
