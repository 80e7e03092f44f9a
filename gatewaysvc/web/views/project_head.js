// A project's title and the ways into it.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { href } from '../router.js';
import { project } from '../store.js';

const TABS = /** @type {const} */ ([['board', '', 'board'], ['list', '/list', 'list'], ['queues', '/queues', 'queue'], ['members', '/members', 'people'], ['settings', '/settings', 'settings']]);

/** @param {string} projectId @param {string} current */
export function projectHead(projectId, current) {
  return h('header.project-head', null,
    h('h1', { title: () => project(projectId)?.title ?? '' }, () => project(projectId)?.title ?? '…'),
    h('nav.tabs', { 'aria-label': t('nav.views') }, TABS.map(([name, path, symbol]) => h('a.tab', {
      href: href(`projects/${projectId}${path}`), 'aria-current': name === current ? 'page' : false,
    }, icon(symbol), h('span', null, t(`nav.${name}`))))));
}
