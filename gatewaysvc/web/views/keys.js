// The shortcuts of the whole page.
import { go } from '../router.js';
import { register, showShortcuts } from '../shortcuts.js';
import { takeBack } from '../toasts.js';
import { openSearch } from './search.js';

/** @param {import('../state.js').Signal<any>} under the view that is open */
export function startShortcuts(under) {
  const toProject = (path) => () => { const id = under.peek()?.params.id; if (id) go(`projects/${id}${path}`); };
  register([
    { keys: '/', label: 'nav.search', run: openSearch },
    { keys: 'c', label: 'task.add', run: () => /** @type {HTMLElement | null} */ (document.querySelector('.quick-input'))?.focus() },
    { keys: 'z', label: 'shortcuts.undo', run: takeBack },
    { keys: 'g i', label: 'nav.inbox', run: () => go('inbox') },
    { keys: 'g m', label: 'nav.mine', run: () => go('mine') },
    { keys: 'g b', label: 'nav.board', run: toProject('') },
    { keys: 'g l', label: 'nav.list', run: toProject('/list') },
    { keys: 'g q', label: 'nav.queues', run: toProject('/queues') },
    { keys: 'b', label: 'shortcuts.board', run: () => /** @type {HTMLElement | null} */ (document.querySelector('.card-link'))?.focus() },
    { keys: '← ↑ ↓ →', label: 'shortcuts.walk' },
    { keys: 'Shift ← →', label: 'shortcuts.move' },
    { keys: 'm', label: 'shortcuts.menu' },
    { keys: 'Esc', label: 'shortcuts.close' },
    { keys: '?', label: 'shortcuts.title', run: showShortcuts },
  ]);
}
