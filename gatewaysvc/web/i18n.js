// The page's words in the user's language: `t('board.moved', {title, column})`, plurals by the language's own rules.
import en from './i18n/en.js';
import ru from './i18n/ru.js';
import { signal } from './state.js';

const DICTIONARIES = { en, ru };
const KEY = 'taskbell.language';

/** @typedef {'en' | 'ru'} Language */

/** @type {import('./state.js').Signal<Language>} */
export const language = signal(/** @type {Language} */ (chosen()));

/** @param {Language} next */
export function setLanguage(next) {
  localStorage.setItem(KEY, next);
  language.value = next;
}

/**
 * The words under a key. `{name}` stands for a value; an entry with several forms takes the one for the number `n`.
 * @param {string} key
 * @param {Record<string, any>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = DICTIONARIES[language.value][key];
  const text = typeof entry === 'object' ? entry[new Intl.PluralRules(language.value).select(values.n)] ?? entry.other : entry ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/** A moment, as short as it can be told. @param {string} time */
export function moment(time) {
  const date = new Date(time);
  const today = new Date();
  const sameDay = date.toDateString() === today.toDateString();
  const sameYear = date.getFullYear() === today.getFullYear();
  const clock = { hour: '2-digit', minute: '2-digit' };
  const day = { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) };
  return new Intl.DateTimeFormat(language.value, /** @type {any} */ (sameDay ? clock : { ...day, ...clock })).format(date);
}

/** The day of a moment: today, tomorrow, 3 Dec. @param {string} time */
export function day(time) {
  const date = new Date(time);
  const days = Math.round((midnight(date) - midnight(new Date())) / 86_400_000);
  if (Math.abs(days) <= 1) return new Intl.RelativeTimeFormat(language.value, { numeric: 'auto' }).format(days, 'day');
  const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' };
  return new Intl.DateTimeFormat(language.value, /** @type {any} */ ({ day: 'numeric', month: 'short', ...year })).format(date);
}

/** How long ago, or ahead. @param {string} time */
export function ago(time) {
  const seconds = (new Date(time).getTime() - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(language.value, { numeric: 'auto', style: 'short' });
  for (const [unit, size] of /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([['day', 86_400], ['hour', 3600], ['minute', 60]])) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return t('time.now');
}

/** The moment in full, for a tooltip. @param {string} time */
export function inFull(time) {
  return new Intl.DateTimeFormat(language.value, { dateStyle: 'full', timeStyle: 'medium' }).format(new Date(time));
}

/** @param {number} number */
export function count(number) {
  return new Intl.NumberFormat(language.value).format(number);
}

/** How long, from proto3 JSON such as `90s`. @param {string} duration */
export function lasting(duration) {
  const seconds = parseFloat(duration);
  const [unit, size] = seconds >= 86_400 ? ['day', 86_400] : seconds >= 3600 ? ['hour', 3600] : seconds >= 60 ? ['minute', 60] : ['second', 1];
  const style = /** @type {any} */ ({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 });
  return new Intl.NumberFormat(language.value, style).format(seconds / Number(size));
}

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

function chosen() {
  const kept = localStorage.getItem(KEY);
  if (kept && kept in DICTIONARIES) return kept;
  return navigator.languages.map((each) => each.slice(0, 2)).find((each) => each in DICTIONARIES) ?? 'en';
}
