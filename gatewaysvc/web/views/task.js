// One task in full, beside what one was looking at.
import * as api from '../api.js';
import { edit, move, remove } from '../actions.js';
import { confirm } from '../dialog.js';
import { append, each, fill, h, when } from '../dom.js';
import { inFull, lasting, moment, t } from '../i18n.js';
import { icon } from '../icons.js';
import * as live from '../live.js';
import { markdown } from '../markdown.js';
import { effect, memo, signal } from '../state.js';
import { learn, mayEdit, nameOf, project, task as taskOf, touched, wasDeleted } from '../store.js';
import { words } from '../toasts.js';
import { targets } from '../transitions.js';
import { progress } from './card.js';
import { commentsOf } from './comments.js';
import { historyOf } from './history.js';
import { marked } from './marked.js';
import { completed } from './mentions.js';
import { properties } from './properties.js';
import { relations } from './relations.js';
import { membersOf } from './roster.js';

const MOVE_ICONS = { PENDING: 'undo', IN_PROGRESS: 'play', COMPLETED: 'check', CANCELLED: 'ban' };

/** @param {string} id @param {() => void} close */
export function taskPanel(id, close) {
  const trouble = signal('');
  const task = memo(() => taskOf(id));
  effect(() => {
    void live.missed.value;
    api.tasks.get(id).then((found) => learn([found]), (error) => { trouble.value = words(error); });
  });

  const heading = h('h2.hidden', { id: 'task-heading', tabindex: '-1' }, t('task.details'));
  const panel = h('aside.task', {
    'aria-labelledby': 'task-heading',
    'data-task': id,
    onkeydown: (event) => { if (event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('.menu:popover-open')) close(); },
  },
    heading,
    h('header.task-head', null,
      h('span.task-project', null, () => project(task.value?.projectId ?? '')?.title),
      () => touched.value.has(id) && h('span.card-mark', null, t('mark.changed', { name: nameOf(touched.value.get(id)?.actorId ?? '') })),
      when(() => task.value && mayEdit(task.value.projectId), () => h('button.icon-button', { type: 'button', title: t('task.delete'), 'aria-label': t('task.delete'), onclick: () => { close(); remove(task.peek()); } }, icon('trash'))),
      h('button.icon-button', { type: 'button', 'aria-label': t('close'), onclick: close }, icon('close'))),
    when(() => task.value, () => body(id, task), () => h('div.task-body', null, () => {
      const absence = wasDeleted(id) ? t('task.gone') : trouble.value; // a task deleted while it was asked for is "no such task", too
      return absence
        ? h('div.empty', null, icon('search'), h('p', null, absence))
        : [1, 2, 3, 4, 5].map(() => h('div.skeleton.skeleton-line'));
    })));
  queueMicrotask(() => heading.focus({ preventScroll: true }));
  return panel;
}

function body(id, task) {
  const editor = () => mayEdit(task.value?.projectId ?? '');
  const members = membersOf(task.peek().projectId);
  // Progress alone builds nothing anew: what was opened stays open.
  const worked = memo(() => {
    const { queue, worker, attempt, maxAttempts, scheduleTime, startTime, endTime, payload, result, lastError } = task.value ?? {};
    return queue ? JSON.stringify({ queue, worker, attempt, maxAttempts, scheduleTime, startTime, endTime, payload, result, lastError }) : '';
  });
  return h('div.task-body', null,
    title(task, editor),
    moves(task, editor),
    () => task.value && progress(task.value),
    properties(task, editor, members),
    description(task, editor, members),
    () => worked.value && job(JSON.parse(worked.value)),
    relations(task),
    commentsOf(id, task, members),
    historyOf(id));
}

function moves(task, editor) {
  const status = memo(() => task.value?.status ?? 'PENDING');
  const go = (event, to) => {
    const place = event.currentTarget.parentElement;
    move(task.peek(), to);
    if (!event.currentTarget.isConnected) place.querySelector('button')?.focus(); // the way on from there
  };
  return h('div.task-moves', null,
    h('span.status-tag', { class: () => `status-${status.value}` }, () => t(`status.${status.value}`)),
    each(() => (task.value && editor() ? targets(task.value) : []), (to) => to, ({ value: to }) => h('button.button', {
      type: 'button', class: to === 'COMPLETED' ? 'primary' : '', onclick: (event) => go(event, to),
    }, icon(MOVE_ICONS[to]), t(`move.${to === 'PENDING' ? 'REOPEN' : to}`))));
}

function title(task, editor) {
  const area = h('textarea.task-title', {
    rows: '1', maxlength: '500', 'aria-label': t('task.title'), readOnly: () => !editor(),
    onblur: save, oninput: grow,
    onkeydown: (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        area.blur();
      } else if (event.key === 'Escape') {
        event.preventDefault();
        area.value = task.peek()?.title ?? '';
        area.blur();
      }
    },
  });
  function grow() {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  }
  function save() {
    const wanted = area.value.replace(/\s+/g, ' ').trim();
    if (!task.peek() || wanted === task.peek().title) return;
    if (wanted) edit(task.peek(), { title: wanted });
    else area.value = task.peek().title;
  }
  effect(() => {
    const given = task.value?.title ?? '';
    if (document.activeElement !== area) area.value = given;
    requestAnimationFrame(grow);
  });
  return area;
}

function description(task, editor, members) {
  const editing = signal(false);
  const text = memo(() => task.value?.description ?? '');
  return h('section.task-part', { 'aria-label': t('task.description') },
    h('header.part-head', null, h('h3', null, t('task.description')),
      when(() => editor() && !editing.value && text.value, () => h('button.link', { type: 'button', onclick: () => { editing.value = true; } }, t('edit')))),
    when(() => editing.value, () => writing(task, text.peek(), members, () => { editing.value = false; }), () => () => (
      text.value ? marked(markdown(text.value), members.value)
        : editor() ? h('button.placeholder', { type: 'button', onclick: () => { editing.value = true; } }, t('task.description.add'))
          : h('p.muted', null, t('task.description.none')))));
}

function writing(task, text, members, done) {
  const area = h('textarea.input', { rows: '8', 'aria-label': t('task.description'), value: text, onkeydown: (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
    if (event.key !== 'Escape') return;
    event.preventDefault();
    done();
  } });
  const preview = h('div.preview', { hidden: true });
  const look = h('button.button', { type: 'button', 'aria-pressed': 'false', onclick: () => {
    preview.hidden = !preview.hidden;
    area.hidden = !preview.hidden;
    look.setAttribute('aria-pressed', String(!preview.hidden));
    fill(preview, marked(markdown(area.value), members.peek()));
  } }, t('preview'));
  async function save() {
    if (area.value === text) return done();
    // Whoever wrote in the meantime isn't overwritten unseen.
    if (task.peek()?.description !== text && !await confirm(t('task.changed.title'), t('task.changed'), t('task.overwrite'))) return undefined;
    return await edit(task.peek(), { description: area.value }) && done();
  }
  queueMicrotask(() => area.focus());
  return h('div.writing', null, completed(area, members), preview, h('p.field-note', null, t('markdown.hint')),
    h('div.writing-foot', null, h('button.button.primary', { type: 'button', onclick: save }, t('save')), look, h('button.button.quiet', { type: 'button', onclick: done }, t('cancel'))));
}

/** What a worker was given, and what came of it. */
function job(task) {
  const element = h('section.task-part', { 'aria-label': t('job.title') }, h('h3', null, t('job.title')));
  const facts = [
    [t('job.queue'), task.queue],
    [t('job.worker'), task.worker],
    [t('job.attempt'), task.attempt ? `${task.attempt}${task.maxAttempts ? ` / ${task.maxAttempts}` : ''}` : ''],
    [t('job.scheduled'), task.scheduleTime && h('time', { datetime: task.scheduleTime, title: inFull(task.scheduleTime) }, moment(task.scheduleTime))],
    [t('job.took'), task.startTime && task.endTime && lasting(`${(Date.parse(task.endTime) - Date.parse(task.startTime)) / 1000}s`)],
  ].filter(([, value]) => value);
  append(element, h('dl.facts', null, facts.map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value)))));
  for (const [name, value] of [[t('job.payload'), task.payload], [t('job.result'), task.result]]) {
    if (value) append(element, h('details', { open: name === t('job.result') }, h('summary', null, name), h('pre', { tabindex: '0' }, h('code', null, JSON.stringify(value, null, 2)))));
  }
  if (task.lastError) append(element, [h('p.muted', null, t('job.error')), h('pre.error-text', { tabindex: '0' }, h('code', null, task.lastError))]);
  return element;
}
