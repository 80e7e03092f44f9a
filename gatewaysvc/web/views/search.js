// Search as you type, in all projects: words are marked where they were found.
import * as api from '../api.js';
import { openDialog } from '../dialog.js';
import { fill, h } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { go } from '../router.js';
import { learn, project } from '../store.js';
import { words } from '../toasts.js';

const PAUSE_MS = 120;
const MOST = 12;

/** Opens the search. */
export function openSearch() {
  if (document.querySelector('dialog[open]')) return;
  let running = new AbortController();
  let timer;
  let chosen = 0;
  const hits = h('ul.hits', { id: 'hits', role: 'listbox', 'aria-label': t('search.hits') });
  const note = h('p.search-note', { role: 'status' }, t('search.hint'));
  const input = h('input.search-input', {
    type: 'search', autofocus: true, role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'hits', 'aria-autocomplete': 'list', 'aria-label': t('nav.search'),
    placeholder: t('search.placeholder'), autocomplete: 'off', spellcheck: 'false', maxlength: '500', oninput: soon, onkeydown: steer,
  });

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  }

  async function find() {
    running.abort();
    const mine = running = new AbortController();
    const query = input.value.trim();
    if (!query) return show([], t('search.hint'));
    try {
      const { results } = await api.tasks.search({ query, pageSize: MOST }, mine.signal);
      learn(results.map((each) => each.task));
      return show(results, results.length ? t('search.found', { n: results.length }) : t('search.nothing', { query }));
    } catch (error) {
      return mine.signal.aborted ? undefined : show([], words(error));
    }
  }

  function show(results, text) {
    chosen = 0;
    fill(note, text);
    fill(hits, results.map(({ task, snippet }, index) => h('li.hit', { id: `hit-${index}`, role: 'option', 'data-task': task.id, onclick: () => open(task.id) },
      h('span.status-dot', { class: `status-${task.status}`, title: t(`status.${task.status}`) }),
      h('div', null,
        h('p.hit-title', null, pieces(snippet?.title, task.title)),
        snippet?.description?.length > 0 && h('p.hit-text', null, pieces(snippet.description, ''))),
      h('span.hit-project', null, project(task.projectId)?.title))));
    mark();
  }

  function mark() {
    const options = [...hits.children];
    for (const [index, option] of options.entries()) option.setAttribute('aria-selected', String(index === chosen));
    input.setAttribute('aria-expanded', String(options.length > 0));
    if (options[chosen]) input.setAttribute('aria-activedescendant', `hit-${chosen}`);
    else input.removeAttribute('aria-activedescendant');
    options[chosen]?.scrollIntoView({ block: 'nearest' });
  }

  function steer(event) {
    const options = hits.children.length;
    if (event.key === 'Escape') dialog.close(); // which a search field would take for itself, to empty itself
    else if (event.key === 'Enter' && options) open(hits.children[chosen].dataset.task);
    else if (event.key === 'ArrowDown' && options) chosen = (chosen + 1) % options;
    else if (event.key === 'ArrowUp' && options) chosen = (chosen + options - 1) % options;
    else return;
    event.preventDefault();
    mark();
  }

  function open(id) {
    dialog.close();
    go(`tasks/${id}`);
  }

  const dialog = openDialog(t('nav.search'), () => [h('div.search', null, icon('search'), input), hits, note], {
    wide: true, high: true, onclose: () => { clearTimeout(timer); running.abort(); },
  });
}

function pieces(given, otherwise) {
  return given?.length ? given.map((piece) => (piece.hit ? h('mark', null, piece.text) : piece.text)) : otherwise;
}
