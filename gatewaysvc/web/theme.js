// Before the first paint, and so no module: who chose light or dark must not see the other one flash.
try {
  const theme = localStorage.getItem('taskbell.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* storage is switched off: the system's choice stands */ }
