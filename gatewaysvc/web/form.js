// Forms: labels, the server's own words beside the field they are about, no second sending while one is under way.
import { fill, h } from './dom.js';
import { ApiError } from './http.js';
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
  return h('div.field', { 'data-name': input.name },
    h('label', { for: id }, label), control,
    h('p.field-note', { id: `${id}-note` }, hint));
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

  function object(error) {
    const violations = error instanceof ApiError ? error.violations : [];
    let first;
    for (const { field: name, description } of violations) {
      const place = element.querySelector(`[data-name="${CSS.escape(name.split('.').pop() ?? '')}"]`);
      if (!place) continue;
      const control = place.querySelector('.input');
      control.setAttribute('aria-invalid', 'true');
      place.querySelector('.field-note').append(h('span.field-error', null, description));
      first ??= control;
    }
    if (first) first.focus();
    else fill(trouble, words(error));
  }
  return element;
}
