// The menu under one's name: preferences, light and dark, language, help, sign out.
import { language, setLanguage, t } from '../i18n.js';
import { openMenu } from '../menu.js';
import { go } from '../router.js';
import * as session from '../session.js';
import { showShortcuts } from '../shortcuts.js';

const THEME = 'taskbell.theme';

/** @param {HTMLElement} anchor */
export function openUserMenu(anchor) {
  const theme = document.documentElement.dataset.theme ?? 'system';
  openMenu(anchor, [
    { label: t('nav.preferences'), icon: 'mail', run: () => go('preferences') },
    { label: t('nav.tokens'), icon: 'key', run: () => go('tokens') },
    { label: t('shortcuts.title'), icon: 'keyboard', hint: '?', run: showShortcuts },
    { label: t('nav.api'), icon: 'queue', run: () => { window.open('/docs', '_blank', 'noopener'); } },
    null,
    { label: t('theme.system'), icon: 'settings', checked: theme === 'system', run: () => setTheme('') },
    { label: t('theme.light'), icon: 'sun', checked: theme === 'light', run: () => setTheme('light') },
    { label: t('theme.dark'), icon: 'moon', checked: theme === 'dark', run: () => setTheme('dark') },
    null,
    { label: 'English', icon: 'globe', checked: language.value === 'en', run: () => setLanguage('en') },
    { label: 'Русский', icon: 'globe', checked: language.value === 'ru', run: () => setLanguage('ru') },
    null,
    { label: t('signout'), icon: 'leave', run: session.signOut },
  ]);
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  localStorage.setItem(THEME, theme);
}
