// The tree of actors, branch by branch; a closed branch says how many are below and how much waits there.

import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';
import { query, useAnswer } from './api.js';
import { ClassName, Empty, Loading, Problem, actorLink, count, plural } from './format.js';

const FEW = 50;
const MOST = 200;

function Branch({ path, level, live, open, toggle }) {
  const [limit, setLimit] = useState(FEW);
  const { data, error } = useAnswer(query('/api/tree', { path, limit }), live.tick);
  if (!data) return error ? html`<${Problem} error=${error} />` : html`<li role="none"><${Loading} /></li>`;
  const rest = data.total - data.rows.length;
  return html`
    ${data.rows.map((row) => html`<${Node} key=${row.path} row=${row} level=${level} live=${live} open=${open}
      toggle=${toggle} />`)}
    ${rest > 0 && html`<li role="none" class="more-of-tree">
      ${limit < MOST
        ? html`<button type="button" class="more" onClick=${() => setLimit(Math.min(MOST, limit + FEW))}>
            ${count(rest)} more</button>`
        : html`<a href=${`#/actors?under=${encodeURIComponent(path)}`}>${count(rest)} more: search for them</a>`}
    </li>`}`;
}

function Node({ row, level, live, open, toggle }) {
  const isOpen = open.has(row.path);
  const has = row.children > 0;
  return html`<li role="treeitem" aria-expanded=${has ? String(isOpen) : undefined} aria-level=${level}
      tabindex="-1" data-actor=${row.path} aria-label=${`${row.path}, ${row.cls}`}>
    <div class="node">
      ${has ? html`<button type="button" class="twist" tabindex="-1" aria-hidden="true"
          onClick=${() => toggle(row.path)}>${isOpen ? '▾' : '▸'}</button>` : html`<span class="twist"></span>`}
      <a class="path" tabindex="-1" href=${actorLink(row.path)}>${row.path.split('/').at(-1)}</a>
      <${ClassName} name=${row.cls} />
      ${row.state !== 'running' && html`<span class=${`state ${row.state}`}>${row.state}</span>`}
      ${row.depth > 0 && html`<span class="quiet">${plural(row.depth, 'message')}</span>`}
      ${has && !isOpen && html`<span class="below">${plural(row.below, 'actor')} below${row.waiting_below > 0
        ? `, ${plural(row.waiting_below, 'message')} waiting` : ''}</span>`}
    </div>
    ${has && isOpen && html`<ul role="group">
      <${Branch} path=${row.path} level=${level + 1} live=${live} open=${open} toggle=${toggle} />
    </ul>`}
  </li>`;
}

// Arrows move and open, Enter goes to the actor; one item at a time is in the order of tabs.
function onKey(event, toggle) {
  const item = event.target.closest('[role=treeitem]');
  if (!item) return;
  const items = [...event.currentTarget.querySelectorAll('[role=treeitem]')];
  const at = items.indexOf(item);
  const expanded = item.getAttribute('aria-expanded');
  const go = (target) => { if (target) { rove(items, target); target.focus(); } };
  const steps = {
    ArrowDown: () => go(items[at + 1]),
    ArrowUp: () => go(items[at - 1]),
    Home: () => go(items[0]),
    End: () => go(items.at(-1)),
    ArrowRight: () => (expanded === 'false' ? toggle(item.dataset.actor) : expanded === 'true' && go(items[at + 1])),
    ArrowLeft: () => (expanded === 'true' ? toggle(item.dataset.actor)
      : go(item.parentElement.closest('[role=treeitem]'))),
    Enter: () => { window.location.hash = actorLink(item.dataset.actor); },
    ' ': () => expanded !== null && toggle(item.dataset.actor),
  };
  if (!steps[event.key]) return;
  event.preventDefault();
  steps[event.key]();
}

function rove(items, target) {
  for (const item of items) item.tabIndex = item === target ? 0 : -1;
}

export function Tree({ live }) {
  const [open, setOpen] = useState(new Set());
  const tree = useRef(null);
  const toggle = (path) => setOpen((before) => {
    const after = new Set(before);
    if (!after.delete(path)) after.add(path);
    return after;
  });
  useEffect(() => {
    const items = [...(tree.current?.querySelectorAll('[role=treeitem]') ?? [])];
    if (items.length && !items.some((item) => item.tabIndex === 0)) rove(items, items[0]);
  });
  return html`
    <h1>Tree</h1>
    ${live.overview?.actors === 0 && html`<${Empty}>No actor yet.<//>`}
    <ul role="tree" aria-label="Actors" class="tree" ref=${tree} onKeyDown=${(event) => onKey(event, toggle)}>
      <${Branch} path="" level=${1} live=${live} open=${open} toggle=${toggle} />
    </ul>`;
}
