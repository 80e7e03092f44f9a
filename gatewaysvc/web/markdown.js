// Markdown to elements. It builds nodes and never markup, so whatever a text holds, it stays text: there is no HTML to let
// through. What is read: headings, lists and check lists, quotes, code, emphasis, links, rules. Links lead to http, https and
// mailto alone; pictures are links, for nobody should learn who reads a task.
import { h } from './dom.js';

const SAFE = /^(https?:\/\/|mailto:)/i;
// What follows backticks holds none, or they are a span.
const FENCE = /^\s{0,3}(```+(?=[^`]*$)|~~~+)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*)$/;
const RULE = /^\s{0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^\s{0,3}>\s?/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const CHECK = /^\[([ xX])\]\s+(.*)$/;
const DEEPEST = 6;

/** @param {string} text @returns {HTMLElement} */
export function markdown(text) {
  return h('div.markdown', null, blocks(text.replace(/\r\n?/g, '\n').split('\n'), 0));
}

/** @param {string[]} lines @param {number} depth */
function blocks(lines, depth) {
  const made = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (!line.trim()) {
      at += 1;
    } else if (fence) {
      const end = lines.findIndex((each, index) => index > at && closes(each.trim(), fence[1]));
      const last = end < 0 ? lines.length : end;
      made.push(h('pre', { tabindex: '0' }, h('code', null, lines.slice(at + 1, last).join('\n'))));
      at = last + 1;
    } else if (heading) {
      made.push(h(`h${Math.min(heading[1].length + 2, 6)}`, null, inline(heading[2].trimEnd().replace(/\s#+$/, ''))));
      at += 1;
    } else if (RULE.test(line)) {
      made.push(h('hr'));
      at += 1;
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      const end = runOf(lines, at, (each) => QUOTE.test(each));
      made.push(h('blockquote', null, blocks(lines.slice(at, end).map((each) => each.replace(QUOTE, '')), depth + 1)));
      at = end;
    } else if (ITEM.test(line) && depth < DEEPEST) {
      const end = runOf(lines, at, (each, index) => continues(line, each, lines[index + 1] ?? ''));
      made.push(list(lines.slice(at, end), depth));
      at = end;
    } else {
      const end = runOf(lines, at, (each, index) => each.trim() !== '' && (index === at || !(FENCE.test(each) || HEADING.test(each) || QUOTE.test(each) || ITEM.test(each))));
      made.push(h('p', null, lines.slice(at, end).flatMap((each, index) => [index > 0 && h('br'), inline(each.trim())])));
      at = end;
    }
  }
  return made;
}

/** Whether a line ends a block of code: as long a fence as began it, and nothing else. */
function closes(line, fence) {
  return line.startsWith(fence) && line === fence[0].repeat(line.length);
}

/** Whether a line belongs to the list that began with another. */
function continues(first, line, next) {
  const found = ITEM.exec(line);
  if (found) return /^\s/.test(line) || /\d/.test(found[2]) === /^\s*\d/.test(first);
  return line.trim() === '' ? ITEM.test(next) && continues(first, next, '') : /^\s/.test(line);
}

function list(lines, depth) {
  const [, indent, mark] = /** @type {RegExpExecArray} */ (ITEM.exec(lines[0]));
  const ordered = /\d/.test(mark);
  const element = h(ordered ? 'ol' : 'ul', ordered && parseInt(mark, 10) !== 1 ? { start: String(parseInt(mark, 10)) } : null);
  for (let at = 0; at < lines.length;) {
    const found = ITEM.exec(lines[at]);
    const end = runOf(lines, at + 1, (each) => (ITEM.exec(each)?.[1].length ?? Infinity) > indent.length);
    const text = found ? found[3] : lines[at];
    const check = CHECK.exec(text);
    const rest = lines.slice(at + 1, end).map((each) => each.slice(Math.min(indent.length + 2, each.length - each.trimStart().length)));
    element.append(h('li', { class: check ? 'check' : '' },
      check && h('input', { type: 'checkbox', checked: check[1] !== ' ', disabled: true, 'aria-label': check[2] }),
      inline(check ? check[2] : text), blocks(rest, depth + 1)));
    at = end;
  }
  return element;
}

const LINK = /!?\[([^[\]\n]{0,500})\]\(((?:[^\s()]|\([^\s()]{0,200}\)){1,2000})\)/y;
const ADDRESS = /https?:\/\/[^\s<>]{1,2000}/y;
const AUTOLINK = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const WORD = /[\p{L}\p{N}]/u;
const MARKS = { '**': 'strong', __: 'strong', '~~': 's', '*': 'em', _: 'em' };

/**
 * The pieces of a line. Its time grows with the text's length and no faster, whatever somebody writes: where no end of a span
 * was found once, none is looked for again.
 * @param {string} text @param {number} [depth]
 * @returns {any[]}
 */
function inline(text, depth = 0) {
  const made = [];
  const hopeless = new Set();
  let plain = '';
  for (let at = 0; at < text.length;) {
    const [node, end] = (depth < DEEPEST && span(text, at, depth, hopeless)) || [text[at], at + 1];
    if (typeof node === 'string') {
      plain += node;
    } else {
      made.push(plain, node);
      plain = '';
    }
    at = end;
  }
  return [...made, plain].filter((piece) => piece !== '');
}

/** @typedef {[Node | string, number]} Span what it is, and where it ends */

/** What begins there. @returns {Span | null} */
function span(text, at, depth, hopeless) {
  switch (text[at]) {
    case '\\': return /[\\`*_{}[\]()#+\-.!~>]/.test(text[at + 1] ?? '') ? [text[at + 1], at + 2] : null;
    case '`': return code(text, at, hopeless);
    case '!':
    case '[': return reference(text, at, depth);
    case '<': return autolink(text, at);
    case 'h': return WORD.test(text[at - 1] ?? '') ? null : address(text, at);
    case '*':
    case '_':
    case '~': return emphasis(text, at, depth, hopeless);
    default: return null;
  }
}

/** @returns {Span} */
function code(text, at, hopeless) {
  let start = at;
  while (text[start] === '`') start += 1;
  const fence = text.slice(at, start);
  for (let end = text.indexOf(fence, start); end >= 0 && !hopeless.has(fence);) {
    let after = end;
    while (text[after] === '`') after += 1;
    if (after - end === fence.length) return [h('code', null, text.slice(start, end).trim()), after];
    end = text.indexOf(fence, after);
  }
  hopeless.add(fence);
  return [fence, start];
}

/** @returns {Span | null} */
function reference(text, at, depth) {
  LINK.lastIndex = at;
  const found = LINK.exec(text);
  return found && SAFE.test(found[2]) ? [link(found[2], inline(found[1] || found[2], depth + 1)), LINK.lastIndex] : null;
}

/** @returns {Span | null} */
function address(text, at) {
  ADDRESS.lastIndex = at;
  let found = ADDRESS.exec(text)?.[0];
  if (!found) return null;
  while (/[.,:;!?'")\]*_~]$/.test(found)) found = found.slice(0, -1);
  return [link(found, found), at + found.length];
}

/** @returns {Span | null} */
function autolink(text, at) {
  AUTOLINK.lastIndex = at;
  const found = AUTOLINK.exec(text);
  return found && [link(found[1], found[1].replace(/^mailto:/, '')), AUTOLINK.lastIndex];
}

/** @returns {Span} */
function emphasis(text, at, depth, hopeless) {
  const mark = text[at] === text[at + 1] ? text[at] + text[at] : text[at];
  const tag = MARKS[mark];
  const start = at + mark.length;
  const opens = tag && !hopeless.has(mark) && /\S/.test(text[start] ?? '') && !(text[at] === '_' && WORD.test(text[at - 1] ?? ''));
  if (!opens) return [mark, start];
  for (let end = text.indexOf(mark, start + 1); end >= 0; end = text.indexOf(mark, end + 1)) {
    const closes = /\S/.test(text[end - 1]) && !(text[at] === '_' && WORD.test(text[end + mark.length] ?? ''));
    if (closes && !(mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark))) {
      return [h(tag, null, inline(text.slice(start, end), depth + 1)), end + mark.length];
    }
  }
  hopeless.add(mark);
  return [mark, start];
}

function link(target, label) {
  return h('a', { href: target, rel: 'noopener noreferrer nofollow ugc', target: '_blank' }, label);
}

function runOf(lines, from, holds) {
  let at = from;
  while (at < lines.length && holds(lines[at], at)) at += 1;
  return Math.max(at, from);
}
