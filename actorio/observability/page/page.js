// The frame of the page: header, tabs, which view is shown, keys, the theme.

import { html, render, useEffect, useState } from './vendor/htm-preact.js';
import { useLive } from './api.js';
import { ActorView } from './actor.js';
import { duration } from './format.js';
import { Actor as ActorLink, Frames } from './format.js';
import { Tree } from './tree.js';
import { Actors, Failures, Letters, Overview, Waits } from './views.js';

const TABS = [
  ['overview', 'Overview', Overview],
  ['actors', 'Actors', Actors],
  ['tree', 'Tree', Tree],
  ['waits', 'Waits', Waits],
  ['failures', 'Failures', Failures],
  ['letters', 'Dead letters', Letters],
];

function place() {
  const [path, asked] = window.location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(asked ?? '');
  if (path.startsWith('/actor/')) {
    try {
      return { view: 'actor', path: path.slice('/actor'.length).split('/').map(decodeURIComponent).join('/'), parameters };
    } catch {
      return { view: 'overview', parameters };
    }
  }
  const name = path.slice(1);
  return { view: TABS.some(([tab]) => tab === name) ? name : 'overview', parameters };
}

function usePlace() {
  const [here, setHere] = useState(place());
  useEffect(() => {
    const moved = () => { setHere(place()); window.scrollTo(0, 0); };
    window.addEventListener('hashchange', moved);
    return () => window.removeEventListener('hashchange', moved);
  }, []);
  return here;
}

const preferred = window.matchMedia('(prefers-color-scheme: dark)');
const saved = () => { try { return localStorage.getItem('actorio-theme'); } catch { return null; } };

function useTheme() {
  const [theme, setTheme] = useState(saved() ?? (preferred.matches ? 'dark' : 'light'));
  document.documentElement.dataset.theme = theme;
  useEffect(() => {
    const follow = () => { if (!saved()) setTheme(preferred.matches ? 'dark' : 'light'); };
    preferred.addEventListener('change', follow);
    return () => preferred.removeEventListener('change', follow);
  }, []);
  function toggle() {
    const next = theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('actorio-theme', next); } catch { /* of this page alone, then */ }
    setTheme(next);
  }
  return [theme, toggle];
}

function useKeys() {
  useEffect(() => {
    function pressed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target;
      if (target.closest('input, select, textarea')) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      if (event.key >= '1' && event.key <= '6') window.location.hash = `#/${TABS[Number(event.key) - 1][0]}`;
      if (event.key === '/') {
        event.preventDefault();
        window.location.hash = '#/actors';
        setTimeout(() => document.getElementById('search')?.focus(), 50);
      }
    }
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);
}

function Condition({ live }) {
  if (live.lost) return html`<span class="pill lost">connection lost</span>`;
  const blocked = live.overview?.blocked;
  if (blocked) return html`<span class="pill stopped">loop blocked ${duration(blocked.seconds)}</span>`;
  return html`<span class="pill running">${live.overview ? 'running' : 'looking'}</span>`;
}

function Header({ live, theme, toggle }) {
  const seen = live.overview;
  return html`<header>
    <div class="title"><img src="/assets/icon.svg" alt="" width="26" height="26" />
      <span class="system">${seen?.name ?? 'actorio'}</span> <${Condition} live=${live} /></div>
    ${seen && html`<dl class="about">
      <div><dt>pid</dt><dd>${seen.pid}</dd></div>
      <div><dt>Python</dt><dd>${seen.python}</dd></div>
      <div><dt>loop</dt><dd>${seen.loop}</dd></div>
      <div><dt>core</dt><dd>${seen.core}</dd></div>
      <div><dt>up</dt><dd>${duration(seen.uptime)}</dd></div>
      <div><dt>seen</dt><dd>${seen.age < 1 ? 'now' : `${duration(seen.age)} ago`}</dd></div>
    </dl>`}
    <button type="button" class="theme" onClick=${toggle} aria-label=${`Change to ${theme === 'dark' ? 'light' : 'dark'}`}>
      <span aria-hidden="true">${theme === 'dark' ? '☀' : '☾'}</span></button>
  </header>`;
}

function Tabs({ view }) {
  return html`<nav class="tabs" aria-label="Views">
    ${TABS.map(([name, word]) => html`<a href=${`#/${name}`} aria-current=${view === name ? 'page' : undefined}>${word}</a>`)}
  </nav>`;
}

function Banner({ live }) {
  const blocked = live.overview?.blocked;
  if (live.refused) {
    return html`<div role="alert" class="banner">This link is of another run of the system. In a terminal,
      ${' '}<code>actorio page</code> gives a new one.</div>`;
  }
  if (!blocked) return null;
  return html`<div role="alert" class="banner">
    <p><b>The loop has been blocked for ${duration(blocked.seconds)}</b>
      ${blocked.path ? html` by <${ActorLink} path=${blocked.path} mark=${false} />` : ' by code of no actor'}.
      Nothing else runs; what is shown is from before.</p>
    ${blocked.frames.length > 0 && html`<${Frames} frames=${blocked.frames} />`}
  </div>`;
}

function Page() {
  const live = useLive();
  const here = usePlace();
  const [theme, toggle] = useTheme();
  useKeys();
  const View = TABS.find(([name]) => name === here.view)?.[2];
  useEffect(() => {
    const shown = here.view === 'actor' ? here.path : TABS.find(([name]) => name === here.view)[1];
    document.title = `${shown} · ${live.overview?.name ?? 'actorio'}`;
  }, [here.view, here.path, live.overview?.name]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById('main').focus(); }}>
      To the contents</a>
    <${Header} live=${live} theme=${theme} toggle=${toggle} />
    <${Tabs} view=${here.view} />
    <main id="main" tabindex="-1">
      <${Banner} live=${live} />
      ${here.view === 'actor' ? html`<${ActorView} key=${here.path} path=${here.path} live=${live} />`
        : html`<${View} key=${here.view} live=${live} theme=${theme} asked=${here.parameters} />`}
    </main>
    <footer>Keys: 1 to 6 for the views, / to search</footer>`;
}

render(html`<${Page} />`, document.getElementById('page'));
