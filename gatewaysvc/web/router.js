// Where the user is: the part of the address after `#`, which never leaves the browser.
import { signal } from './state.js';

/** @typedef {{name: string, params: Record<string, string>, query: Record<string, string>, path: string}} Place */

const ROUTES = {
  '': 'home',
  signin: 'signin',
  signup: 'signup',
  forgot: 'forgot',
  reset: 'reset',
  confirm: 'confirm',
  inbox: 'inbox',
  mine: 'mine',
  preferences: 'preferences',
  tokens: 'tokens',
  'projects/:id': 'board',
  'projects/:id/list': 'list',
  'projects/:id/queues': 'queues',
  'projects/:id/members': 'members',
  'projects/:id/settings': 'settings',
  'tasks/:task': 'task',
};

/** The current place. */
export const place = signal(read());

window.addEventListener('hashchange', () => { place.value = read(); });

/** Goes there. @param {string} path @param {Record<string, string>} [query] */
export function go(path, query) {
  location.hash = href(path, query);
}

/** Goes there without a step back to here. @param {string} path @param {Record<string, string>} [query] */
export function replace(path, query) {
  history.replaceState(null, '', href(path, query));
  place.value = read();
}

/** The address of a place. @param {string} path @param {Record<string, string>} [query] */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ''}`;
}

/** @returns {Place} */
function read() {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const query = Object.fromEntries(new URLSearchParams(search));
  const parts = path.split('/');
  for (const [template, name] of Object.entries(ROUTES)) {
    const params = match(template.split('/'), parts);
    if (params) return { name, params, query, path };
  }
  return { name: 'nowhere', params: {}, query, path };
}

function match(template, parts) {
  if (template.length !== parts.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [index, part] of template.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = safelyDecoded(parts[index]);
    else if (part !== parts[index]) return null;
  }
  return params;
}

function safelyDecoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
