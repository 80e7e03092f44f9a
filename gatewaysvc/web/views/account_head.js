// The title of what belongs to the user, and the ways between its parts.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { href } from '../router.js';

const TABS = /** @type {const} */ ([['preferences', 'mail'], ['tokens', 'key']]);

/** @param {string} current */
export function accountHead(current) {
  return h('header.project-head', null,
    h('h1', null, t(`nav.${current}`)),
    h('nav.tabs', { 'aria-label': t('nav.account') }, TABS.map(([name, symbol]) => h('a.tab', {
      href: href(name), 'aria-current': name === current ? 'page' : false,
    }, icon(symbol), h('span', null, t(`nav.${name}`))))));
}
