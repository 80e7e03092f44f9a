// Who is in a project, and what they may do.
import * as api from '../api.js';
import { confirm } from '../dialog.js';
import { each, h, when } from '../dom.js';
import { field, form } from '../form.js';
import { day, t } from '../i18n.js';
import { icon } from '../icons.js';
import * as session from '../session.js';
import { go } from '../router.js';
import { project } from '../store.js';
import { tell, tellError } from '../toasts.js';
import { avatar } from './card.js';
import { projectHead } from './project_head.js';
import { membersOf } from './roster.js';

const ROLES = ['VIEWER', 'EDITOR', 'OWNER'];

/** @param {string} projectId */
export function members(projectId) {
  const all = membersOf(projectId);
  const owner = () => project(projectId)?.role === 'OWNER';
  const put = (member) => { all.value = [...all.peek().filter((each_) => each_.userId !== member.userId), member].sort((a, b) => (a.username < b.username ? -1 : 1)); };

  const add = async ({ username, role }, element) => {
    put(await api.projects.addMember(projectId, { username: username.trim(), role }));
    tell(t('member.added', { name: username }));
    element.reset();
  };
  const change = async (member, role, select) => {
    try {
      put(await api.projects.updateMember(projectId, member.userId, role));
      tell(t('member.changed', { name: member.username, role: t(`role.${role}`) }));
    } catch (error) {
      select.value = member.role;
      tellError(error);
    }
  };
  const remove = async (member) => {
    const self = member.userId === session.user.peek()?.id;
    const text = t(self ? 'member.leave.sure' : 'member.remove.sure', { name: member.username, project: project(projectId)?.title });
    if (!await confirm(t(self ? 'member.leave' : 'member.remove'), text, t(self ? 'member.leave' : 'member.remove'))) return;
    try {
      await api.projects.removeMember(projectId, member.userId);
      all.value = all.peek().filter((each_) => each_.userId !== member.userId);
      if (self) go('');
    } catch (error) {
      tellError(error);
    }
  };

  return h('section.project', null,
    projectHead(projectId, 'members'),
    h('div.narrow', null,
      () => project(projectId)?.personal && h('p.notice', null, t('member.personal')),
      when(() => owner() && !project(projectId)?.personal, () => form({ class: 'form-row', 'aria-label': t('member.add') }, add,
        field(t('signin.username'), { name: 'username', required: true, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' }),
        field(t('member.role'), { name: 'role', value: 'EDITOR', options: ROLES.map((role) => [role, t(`role.${role}`)]) }),
        h('button.button.primary', { type: 'submit' }, t('member.add')))),
      h('ul.rows', null, each(() => all.value, (member) => member.userId, (member) => row(member, owner, change, remove))),
      h('dl.roles', null, ROLES.map((role) => h('div', null, h('dt', null, t(`role.${role}`)), h('dd', null, t(`role.${role}.may`)))))));
}

function row(member, owner, change, remove) {
  const { userId, username, createTime } = member.peek();
  const self = userId === session.user.peek()?.id;
  return h('li.row.member', null,
    avatar(username),
    h('div.row-body', null, h('p.member-name', null, username, self && h('span.muted', null, ` ${t('member.you')}`)), h('p.muted', null, t('member.since', { day: day(createTime) }))),
    when(owner, () => h('select.input', { 'aria-label': t('member.role.of', { name: username }), value: () => member.value.role, onchange: (event) => change(member.peek(), event.target.value, event.target) },
      ROLES.map((role) => h('option', { value: role }, t(`role.${role}`)))), () => h('span.tag', null, () => t(`role.${member.value.role}`))),
    when(() => owner() || self, () => h('button.icon-button', { type: 'button', 'aria-label': t(self ? 'member.leave' : 'member.remove.one', { name: username }), onclick: () => remove(member.peek()) }, icon(self ? 'leave' : 'trash'))));
}
