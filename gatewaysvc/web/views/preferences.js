// What one is told of, how and when.
import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { field, form } from '../form.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import * as session from '../session.js';
import { tell, tellError, words } from '../toasts.js';
import { accountHead } from './account_head.js';
import { troubleNote } from './trouble.js';

const MAILS = ['INSTANT', 'DIGEST', 'OFF'];
const DIGESTS = ['OFF', 'HOURLY', 'DAILY'];

export function preferences() {
  const body = h('div.narrow', null, [1, 2, 3, 4].map(() => h('div.skeleton.skeleton-line')));
  read(body);
  return h('section.page', null, accountHead('preferences'), address(), body);
}

function address() {
  const send = async (event) => {
    event.target.disabled = true;
    try {
      await api.users.sendConfirmation();
      tell(t('confirm.sent'));
    } catch (error) {
      event.target.disabled = false;
      tellError(error);
    }
  };
  return h('div.narrow', null, () => {
    const me = session.user.value;
    return me && h('p.notice', null, icon('mail'), h('span', null, me.email, ' ', me.emailConfirmTime ? h('span.tag', null, t('confirm.is')) : h('button.link', { type: 'button', onclick: send }, t('confirm.send'))));
  });
}

async function read(body) {
  try {
    fill(body, view(await api.notifications.preferences(), body));
  } catch (error) {
    fill(body, troubleNote(() => words(error), () => read(body)));
  }
}

function view(known, body) {
  const rules = known.rules ?? [];
  const save = async (values) => {
    const changed = await api.notifications.updatePreferences({
      timeZone: values.timeZone,
      language: values.language,
      quietHours: values.quiet ? { start: values.start, end: values.end } : null,
      digest: values.digest,
      digestHour: Number(values.digestHour),
      rules: rules.map(({ reason }) => ({ reason, inbox: values[`inbox ${reason}`] === 'on', email: values[`email ${reason}`] })),
    });
    tell(t('preferences.saved'));
    fill(body, view(changed, body));
  };
  const quiet = known.quietHours;
  const zones = Intl.supportedValuesOf('timeZone');
  const zone = known.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  return form({ class: 'preferences' }, save,
    h('div.table-wrap', { tabindex: '0', role: 'region', 'aria-label': t('preferences.rules') }, h('table.rules', null,
      h('thead', null, h('tr', null, h('th', { scope: 'col' }, t('preferences.what')), ['inbox', 'email'].map((name) => h('th', { scope: 'col' }, t(`preferences.${name}`))))),
      h('tbody', null, rules.map((rule) => ruleRow(rule))))),
    h('div.form-grid', null,
      field(t('preferences.digest'), { name: 'digest', value: known.digest, options: DIGESTS.map((each) => [each, t(`digest.${each}`)]) }, t('preferences.digest.hint')),
      field(t('preferences.digestHour'), { name: 'digestHour', value: String(known.digestHour ?? 8), options: Array.from({ length: 24 }, (_, hour) => [String(hour), `${String(hour).padStart(2, '0')}:00`]) }),
      field(t('preferences.timeZone'), { name: 'timeZone', value: zone, options: [...new Set([zone, 'UTC', ...zones])].map((each) => [each, each]) }),
      field(t('preferences.language'), { name: 'language', value: known.language, options: [['en', 'English'], ['ru', 'Русский']] })),
    h('fieldset.fieldset', null,
      h('legend', null, h('label.check-label', null, h('input', { type: 'checkbox', name: 'quiet', checked: Boolean(quiet?.start) }), t('preferences.quiet'))),
      h('div.form-grid', null,
        field(t('preferences.from'), { type: 'time', name: 'start', value: quiet?.start || '22:00' }),
        field(t('preferences.to'), { type: 'time', name: 'end', value: quiet?.end || '07:00' }))),
    h('button.button.primary', { type: 'submit' }, t('save')));
}

function ruleRow({ reason, inbox, email }) {
  const what = t(`rule.${reason}`);
  const box = (name, checked) => h('td', null, h('input', { type: 'checkbox', name: `${name} ${reason}`, checked: Boolean(checked), 'aria-label': `${what}: ${t(`preferences.${name}`)}` }));
  return h('tr', null,
    h('th', { scope: 'row' }, what), box('inbox', inbox),
    h('td', null, h('select.input', { name: `email ${reason}`, 'aria-label': `${what}: ${t('preferences.email')}` }, MAILS.map((each) => h('option', { value: each, selected: each === email }, t(`email.${each}`))))));
}
