// Forms: labels, the server's own words beside the field they are about, no second sending while one is under way.
import { fill, h } from './dom.js';
import { ApiError } from './http.js';
import { t } from './i18n.js';
import { words } from './toasts.js';

let numbers = 0;

/**
 * A labelled field.
 * @param {string} label
 * @param {Record<string, any>} input its attributes; `options` make it a select, `rows` a textarea
 * @param {string} [hint]
 */
export function field(label, { options, ...input }, hint) {
  const id = `field-${numbers += 1}`;
  const tag = options ? 'select' : input.rows ? 'textarea' : 'input';
  const control = h(`${tag}.input`, { id, 'aria-describedby': `${id}-note`, ...input },
    options?.map(([value, text]) => h('option', { value, selected: value === input.value }, text)));
  return h('div.field', { 'data-name': input.name, 'data-required': Boolean(input.required) },
    h('label', { for: id }, label), control,
    h('p.field-note', { id: `${id}-note` }, hint));
}

/**
 * Several of some: a box for each.
 * @param {string} legend
 * @param {string} name
 * @param {string[][]} options value, label, and what it means
 * @param {{checked?: string[], hint?: string, required?: boolean}} [how]
 */
export function choices(legend, name, options, { checked = [], hint, required = false } = {}) {
  const id = `field-${numbers += 1}`;
  return h('fieldset.field.choices', { 'data-name': name, 'data-required': required, 'aria-describedby': `${id}-note` },
    h('legend', null, legend),
    h('p.field-note', { id: `${id}-note` }, hint),
    h('div.choice-grid', null, options.map(([value, label, meaning]) => h('label.choice', null,
      h('input', { type: 'checkbox', name: `${name} ${value}`, checked: checked.includes(value) }),
      h('span', null, h('code', null, label), meaning && h('span.choice-note', null, meaning))))));
}

/** Which of the choices of that name a form's values have. @param {Record<string, any>} values @param {string} name */
export function chosen(values, name) {
  return Object.keys(values).filter((key) => key.startsWith(`${name} `)).map((key) => key.slice(name.length + 1));
}

/**
 * A form that calls `save` with its values when it is sent.
 * @param {Record<string, any>} properties
 * @param {(values: any, form: HTMLFormElement) => Promise<any>} save
 * @param {...any} children
 */
export function form(properties, save, ...children) {
  const trouble = h('p.form-error', { role: 'alert' });
  const element = h('form.form', { novalidate: true, ...properties, onsubmit: send }, trouble, children);

  async function send(event) {
    event.preventDefault();
    if (element.ariaBusy === 'true') return;
    clear();
    if (isIncomplete()) return;
    element.ariaBusy = 'true';
    try {
      await save(Object.fromEntries(new FormData(element)), element);
    } catch (error) {
      object(error);
    } finally {
      element.ariaBusy = 'false';
    }
  }

  function clear() {
    fill(trouble);
    for (const note of element.querySelectorAll('.field-error')) note.remove();
    for (const each of element.querySelectorAll('[aria-invalid]')) each.removeAttribute('aria-invalid');
  }

  /** What is empty and must not be needs no server to say so. */
  function isIncomplete() {
    const missing = [...element.querySelectorAll('.field[data-required]')].filter((place) => (
      place.matches('.choices') ? !place.querySelector(':checked') : !place.querySelector('.input').value.trim()));
    for (const place of missing) blame(place, t(place.matches('.choices') ? 'choices.missing' : 'field.missing'));
    missing[0]?.querySelector('input, textarea').focus();
    return missing.length > 0;
  }

  function object(error) {
    const violations = error instanceof ApiError ? error.violations : [];
    let first;
    for (const { field: name, description } of violations) {
      const place = element.querySelector(`[data-name="${CSS.escape(nameOf(name))}"]`);
      if (!place) continue;
      blame(place, description.replace(/^\(hidden\) /, '')); // instead of a password
      first ??= place.querySelector('input, select, textarea');
    }
    if (first) first.focus();
    else fill(trouble, words(error));
  }

  function blame(place, text) {
    place.querySelector('input, select, textarea').setAttribute('aria-invalid', 'true');
    place.querySelector('.field-note').append(h('span.field-error', null, text));
  }
  return element;
}

/** The field of a violation as the form names it: `webhook.event_types[2]` is `eventTypes`. @param {string} path */
function nameOf(path) {
  const last = path.split('.').pop() ?? '';
  return last.replace(/\[.*$/, '').replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}
