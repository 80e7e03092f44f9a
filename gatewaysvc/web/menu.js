// A menu under a button, after the ARIA menu pattern: arrow keys, Home, End, first letters, Escape; focus goes back.
import { h } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {() => any} run
 * @property {any} [icon]
 * @property {boolean} [checked] one of several that exclude each other
 * @property {boolean} [danger]
 * @property {string} [hint]
 */

/**
 * Opens a menu.
 * @param {HTMLElement} anchor
 * @param {(Item | null)[]} items null is a line between groups
 */
export function openMenu(anchor, items) {
  const menu = h('div.menu', { role: 'menu', popover: 'auto', 'aria-label': anchor.getAttribute('aria-label') ?? anchor.textContent });
  const buttons = [];
  let back = true;
  for (const item of items) {
    if (!item) {
      menu.append(h('hr', { role: 'separator' }));
      continue;
    }
    const run = () => {
      menu.hidePopover();
      item.run();
    };
    const role = item.checked === undefined ? 'menuitem' : 'menuitemradio';
    const button = h('button.menu-item', { role, type: 'button', tabindex: '-1', onclick: run, class: item.danger ? 'danger' : '' },
      item.icon && icon(item.icon), h('span', null, item.label), item.hint && h('kbd', null, item.hint), item.checked && icon('check'));
    if (item.checked !== undefined) button.setAttribute('aria-checked', String(item.checked));
    buttons.push(button);
    menu.append(button);
  }
  const focus = (index) => buttons[(index + buttons.length) % buttons.length]?.focus();
  menu.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement);
    if (event.key === 'ArrowDown') focus(at + 1);
    else if (event.key === 'ArrowUp') focus(at - 1);
    else if (event.key === 'Home') focus(0);
    else if (event.key === 'End') focus(-1);
    else if (event.key === 'Tab') menu.hidePopover();
    else if (event.key.length === 1 && event.key !== ' ') {
      const order = [...buttons.slice(at + 1), ...buttons.slice(0, at + 1)];
      order.find((each) => each.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    } else return;
    event.stopPropagation();
    if (event.key !== 'Tab') event.preventDefault();
  });
  menu.addEventListener('toggle', (event) => {
    if (/** @type {any} */ (event).newState !== 'closed') return;
    back = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    anchor.setAttribute('aria-expanded', 'false');
    if (back && anchor.isConnected) anchor.focus();
  });
  anchor.setAttribute('aria-haspopup', 'menu');
  anchor.setAttribute('aria-expanded', 'true');
  (anchor.closest('nav, main, aside, header') ?? document.body).append(menu); // in a landmark, where assistive technology finds it
  menu.showPopover();
  beside(menu, anchor);
  (buttons.find((each) => each.getAttribute('aria-checked') === 'true') ?? buttons[0])?.focus();
}

/** Puts a floating element under its anchor, or above where there is no room, and inside the window. */
function beside(element, anchor) {
  const [box, size] = [anchor.getBoundingClientRect(), element.getBoundingClientRect()];
  const below = box.bottom + 4 + size.height <= innerHeight || box.top < size.height;
  element.style.top = `${Math.max(8, below ? Math.min(box.bottom + 4, innerHeight - size.height - 8) : box.top - 4 - size.height)}px`;
  element.style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
}
