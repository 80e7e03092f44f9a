// Names while one types: after an @, the members whose names begin so. Arrow keys choose, Enter and Tab take, Escape leaves.
import { fill, h } from '../dom.js';
import { t } from '../i18n.js';
import * as session from '../session.js';
import { avatar } from './card.js';

const MOST = 6;
let numbers = 0;

/**
 * A text area that completes the names of members.
 * @param {HTMLTextAreaElement} area
 * @param {import('../state.js').Signal<any[]>} members
 */
export function completed(area, members) {
  const id = `mentions-${numbers += 1}`;
  const list = h('ul.mentions', { id, role: 'listbox', 'aria-label': t('mention.label'), hidden: true });
  const said = h('p.hidden', { role: 'status' });
  /** @type {string[]} */
  let names = [];
  let at = 0;

  /** What is typed of a name just before the caret; undefined if none is. */
  function begun() {
    return /(?:^|[^\w@/\\])@([\w.-]*)$/.exec(area.value.slice(0, area.selectionStart))?.[1].toLowerCase();
  }

  function look() {
    const start = area.selectionStart === area.selectionEnd ? begun() : undefined;
    const others = members.peek().map((one) => one.username).filter((name) => name !== session.user.peek()?.username);
    show(start === undefined ? [] : others.filter((name) => name.startsWith(start)).slice(0, MOST));
  }

  function show(found) {
    [names, at] = [found, 0];
    list.hidden = !names.length;
    fill(list, names.map((name, index) => h('li.mention', {
      id: `${id}-${index}`, role: 'option', onpointerdown: (event) => { event.preventDefault(); take(name); },
    }, h('span', { 'aria-hidden': 'true' }, avatar(name)), h('span', null, name))));
    fill(said, names.length ? t('mention.found', { n: names.length }) : '');
    mark();
    if (names.length) list.scrollIntoView({ block: 'nearest' });
  }

  function mark() {
    for (const [index, option] of [...list.children].entries()) option.setAttribute('aria-selected', String(index === at));
    if (names.length) area.setAttribute('aria-activedescendant', `${id}-${at}`);
    else area.removeAttribute('aria-activedescendant');
  }

  function take(name) {
    const start = area.selectionStart - (begun()?.length ?? 0);
    area.setRangeText(`${name} `, start, area.selectionStart, 'end');
    area.dispatchEvent(new Event('input', { bubbles: true }));
    show([]);
  }

  function steer(event) {
    if (!names.length || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.key === 'ArrowDown') at = (at + 1) % names.length;
    else if (event.key === 'ArrowUp') at = (at + names.length - 1) % names.length;
    else if (event.key === 'Enter' || event.key === 'Tab') take(names[at]);
    else if (event.key === 'Escape') show([]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation(); // neither the text nor what is around it is left
    mark();
  }

  area.setAttribute('aria-autocomplete', 'list');
  area.setAttribute('aria-controls', id);
  area.addEventListener('input', look);
  area.addEventListener('click', look);
  area.addEventListener('keyup', (event) => { if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') look(); });
  area.addEventListener('keydown', steer, true); // before whoever sends or leaves with the same keys
  area.addEventListener('blur', () => show([]));
  return h('div.completed', null, area, list, said);
}
