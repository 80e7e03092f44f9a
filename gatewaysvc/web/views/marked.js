// The names of members in a text that is shown, found as the server finds whom to tell of a mention.
import { h } from '../dom.js';

// Not within a word or a path; a backslash before it says that it is none.
const MENTION = /(?<![\p{L}\p{N}_@/\\])@([a-z0-9_.-]+)(?![\p{L}\p{N}_])/giu;

/**
 * Marks the members that a text names. Code names nobody.
 * @param {HTMLElement} element @param {{username: string}[]} members
 */
export function marked(element, members) {
  const names = new Set(members.map((one) => one.username));
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const texts = [];
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const text of texts) if (text.data.includes('@') && !text.parentElement?.closest('code')) text.replaceWith(...pieces(text.data, names));
  return element;
}

/** @param {string} text @param {Set<string>} names */
function pieces(text, names) {
  const made = [];
  let at = 0;
  for (const { 1: written, index } of text.matchAll(MENTION)) {
    const name = spellings(written.toLowerCase()).find((each) => names.has(each));
    if (!name) continue;
    const end = index + 1 + name.length;
    made.push(text.slice(at, index), h('span.mentioned', null, text.slice(index, end)));
    at = end;
  }
  return [...made, text.slice(at)];
}

/** What a mention may mean, the likeliest first: `@bob.` is bob. or, at the end of a sentence, bob. @param {string} name */
function spellings(name) {
  const bare = name.replace(/[_.-]+$/, '');
  return [name, name.slice(0, -1), name.slice(0, -2), bare].filter((each) => each.length >= bare.length);
}
