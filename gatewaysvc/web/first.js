// Stands in the document itself, which comes whole or not at all, and runs before the first paint and all modules.
'use strict';

// Who chose light or dark must not see the other one flash.
try {
  const theme = localStorage.getItem('taskbell.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* storage is switched off: the system's choice stands */ }

// A browser drops what it is fetching when the network changes under it, and a page whose files are missing would stay
// blank: it is loaded again, a few times. main.js, once it runs, says that all is well.
let waiting = false;
addEventListener('error', ({ target }) => {
  if (!(target instanceof Element && target.matches('script, link[rel="stylesheet"]'))) return;
  const tries = Number(history.state?.tries ?? 0);
  if (tries >= 5 || waiting) return;
  waiting = true;
  history.replaceState({ tries: tries + 1 }, '');
  setTimeout(() => location.reload(), 250 * 2 ** tries);
}, true);
