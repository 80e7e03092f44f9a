// The frame around every view: the side bar, the connection's state, the view itself, and a task beside it.
import { each, fill, h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import * as live from '../live.js';
import { href, place, replace } from '../router.js';
import { effect, memo, onCleanup, scope, signal } from '../state.js';
import { project, projects, task } from '../store.js';
import * as session from '../session.js';
import { board } from './board.js';
import { hueOf } from './card.js';
import { connection } from './connection.js';
import { inbox } from './inbox.js';
import { list, mine } from './list.js';
import { members } from './members.js';
import { preferences } from './preferences.js';
import { newProject, settings } from './projects.js';
import { queues } from './queues.js';
import { openSearch } from './search.js';
import { startShortcuts } from './keys.js';
import { taskPanel } from './task.js';
import { tokens } from './tokens.js';
import { openUserMenu } from './user_menu.js';

const VIEWS = { board, list, queues, members, settings, inbox, mine, preferences, tokens };
/** Where the links of our mails lead: no place in here. */
const LETTERS = ['forgot', 'reset', 'confirm'];
const LAST = 'taskbell.project';

/** Where the user is apart from the task that lies open: `#/tasks/<id>` opens beside whatever was there. */
const under = signal(/** @type {import('../router.js').Place | null} */ (null));

export function shell() {
  const open = memo(() => place.value.params.task ?? '');
  const menu = signal(false);
  effect(() => {
    const now = place.value;
    if (now.name === 'task') underOf(now.params.task);
    else if (now.name in VIEWS) under.value = now;
    else if (!LETTERS.includes(now.name)) goHome();
    menu.value = false;
  });
  effect(() => {
    const id = under.value?.params.id;
    if (id && project(id)) localStorage.setItem(LAST, id);
  });
  startShortcuts(under);
  onCleanup(() => { under.value = null; });

  const main = h('main.main', { id: 'main', tabindex: '-1' });
  // The view stays while its filter or the open task changes.
  const view = memo(() => {
    if (!under.value) return '';
    const { name, params: { id = '' } } = under.value;
    return id && projects.value && !project(id) ? 'gone' : `${name} ${id}`;
  });
  effect(() => {
    const [name, id] = view.value.split(' ');
    const build = VIEWS[name];
    const idle = document.activeElement === document.body;
    fill(main, build ? scope(() => build(id, under))[0] : name === 'gone' && gone());
    if (idle) main.focus({ preventScroll: true });
  });
  effect(() => {
    const shown = under.value;
    const title = open.value ? task(open.value)?.title : shown && (project(shown.params.id)?.title ?? t(`nav.${shown.name}`));
    document.title = `${live.unread.value ? `(${live.unread.value}) ` : ''}${title ?? ''} · Taskbell`;
  });

  return h('div.shell', { class: () => `${menu.value ? 'menu-open' : ''} ${open.value ? 'task-open' : ''}` },
    h('a.skip', { href: '#main', onclick: (event) => { event.preventDefault(); main.focus(); } }, t('nav.skip')),
    topBar(menu),
    h('div.scrim', { onclick: () => { menu.value = false; } }),
    sideBar(),
    h('div.stage', null, connection(), main),
    () => open.value && scope(() => taskPanel(open.value, () => closeTask()))[0]);
}

/** Instead of a project that one is no member of, or no longer. */
function gone() {
  return h('div.empty', null, icon('ban'), h('h1', null, t('project.gone.title')), h('p', null, t('project.gone')), h('a.button', { href: href('') }, t('confirm.go')));
}

/** Closes the task and gives the focus back to where it was opened from. */
function closeTask() {
  const id = place.peek().params.task;
  const back = under.peek();
  if (back) replace(back.path, back.query);
  else goHome(); // it was opened by its address, and isn't there
  /** @type {HTMLElement | null} */ (document.querySelector(`a[href="${href(`tasks/${id}`)}"]`) ?? document.querySelector('#main'))?.focus();
}

function underOf(id) {
  const shown = task(id);
  if (!under.peek() && shown) under.value = { name: 'board', params: { id: shown.projectId }, query: {}, path: `projects/${shown.projectId}` };
}

function goHome() {
  const known = projects.value;
  if (!known) return;
  const last = localStorage.getItem(LAST);
  const home = known.find((each) => each.id === last) ?? known.find((each) => each.personal) ?? known[0];
  if (home) replace(`projects/${home.id}`);
}

function topBar(menu) {
  return h('header.top', null,
    h('button.icon-button', { type: 'button', 'aria-label': t('nav.menu'), 'aria-expanded': () => String(menu.value), onclick: () => { menu.value = !menu.value; } }, icon('menu')),
    h('span.top-title', null, () => project(under.value?.params.id ?? '')?.title ?? (under.value ? t(`nav.${under.value.name}`) : 'Taskbell')),
    h('button.icon-button', { type: 'button', 'aria-label': t('nav.search'), onclick: openSearch }, icon('search')),
    h('a.icon-button', { href: href('inbox'), 'aria-label': () => t('nav.inbox.unread', { n: live.unread.value }) }, icon('inbox'), badge()));
}

function sideBar() {
  const me = session.user.peek()?.username ?? '';
  const current = (name) => () => (under.value?.name === name ? 'page' : false);
  return h('nav.side', { 'aria-label': t('nav.label') },
    h('div.brand', null, h('span.brand-mark', null, icon('bell')), h('span', null, 'Taskbell')),
    h('button.side-search', { type: 'button', onclick: openSearch }, icon('search'), h('span', null, t('nav.search')), h('kbd', null, '/')),
    h('ul.side-list', null,
      h('li', null, h('a.side-link', { href: href('inbox'), 'aria-current': current('inbox') }, icon('inbox'), h('span', null, t('nav.inbox')), badge())),
      h('li', null, h('a.side-link', { href: href('mine'), 'aria-current': current('mine') }, icon('user'), h('span', null, t('nav.mine'))))),
    h('div.side-head', null, h('h2', null, t('nav.projects')),
      h('button.icon-button', { type: 'button', 'aria-label': t('project.new'), title: t('project.new'), onclick: newProject }, icon('plus'))),
    h('ul.side-list.side-projects', null,
      () => projects.value === null && [1, 2, 3].map(() => h('li.skeleton.skeleton-line')),
      each(() => projects.value ?? [], (one) => one.id, (one) => h('li', null,
        h('a.side-link', {
          href: href(`projects/${one.peek().id}`),
          'aria-current': () => (under.value?.params.id === one.value.id ? 'page' : false),
        }, h('span.dot', { class: () => `hue-${hue(one.value.id)}` }), h('span', null, () => one.value.title))))),
    h('button.side-user', { type: 'button', onclick: (event) => openUserMenu(event.currentTarget) },
      h('span.avatar', { 'aria-hidden': 'true', class: `hue-${hueOf(me)}` }, me.slice(0, 2)), h('span', null, me), icon('up')));
}

function badge() {
  return () => live.unread.value > 0 && h('span.badge', { 'aria-hidden': 'true' }, live.unread.value > 99 ? '99+' : live.unread.value);
}

function hue(id) {
  return parseInt(id.slice(-2), 16) % 8;
}
