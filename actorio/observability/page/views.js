// The views of the whole: overview, actors, waits, failures, dead letters.

import { html, useEffect, useState } from './vendor/htm-preact.js';
import { query, useAnswer } from './api.js';
import { Charts } from './charts.js';
import {
  Actor, ClassName, Empty, Frames, Loading, Problem, clock, count, duration, plural, rate,
} from './format.js';

// -- overview -------------------------------------------------------------------------------------

const WORDS = {
  blocked: 'Loop blocked', stuck: 'Stuck', full: 'Mailbox full', restarting: 'Crash loop', suspended: 'Suspended',
};

function Tile({ name, value, tone, note }) {
  return html`<div class=${`tile ${tone ?? ''}`} data-total=${value}>
    <span class="tile-name">${name}</span>
    <strong>${name === 'Messages a second' ? rate(value) : count(value)}</strong>
    <span class="tile-note">${note ?? ''}</span>
  </div>`;
}

export function AttentionList({ lines }) {
  if (!lines.length) return html`<p class="fine"><span aria-hidden="true">✓</span> Nothing needs attention.</p>`;
  return html`<ul class="attention">
    ${lines.map((line) => html`<li key=${line.kind + line.path} data-attention=${line.kind} class=${line.kind}>
      <span class="badge">${WORDS[line.kind] ?? line.kind}</span>
      <span class="who"><${Actor} path=${line.path} /> ${line.cls && html`<${ClassName} name=${line.cls} />`}</span>
      <span class="what">${line.text}</span>
    </li>`)}
  </ul>`;
}

function Classes({ rows }) {
  if (!rows.length) return html`<${Empty}>No actor yet.<//>`;
  const columns = ['Actors', 'Messages/s', 'Waiting', 'Deepest', 'Handled', 'Failed', 'Restarts'];
  return html`<table class="stacked">
    <thead><tr><th scope="col">Class</th>${columns.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr>
    </thead>
    <tbody>${rows.map((row) => html`<tr key=${row.cls}>
      <th scope="row">${row.cls === '(others)' ? html`<i>all others</i>`
        : html`<a href=${`#/actors?cls=${encodeURIComponent(row.cls)}`}><${ClassName} name=${row.cls} /></a>`}</th>
      ${[count(row.actors), rate(row.rate), count(row.depth), count(row.deepest), count(row.handled)].map((cell, at) =>
        html`<td class="number" data-label=${columns[at]}>${cell}</td>`)}
      <td class=${`number ${row.failed ? 'bad' : ''}`} data-label="Failed">${count(row.failed)}</td>
      <td class=${`number ${row.restarts ? 'bad' : ''}`} data-label="Restarts">${count(row.restarts)}</td>
    </tr>`)}</tbody>
  </table>`;
}

function Blocks({ tick }) {
  const { data } = useAnswer('/api/blocks', tick);
  if (!data?.rows.length) return null;
  return html`<section aria-labelledby="blocks">
    <h2 id="blocks">Blocked lately</h2>
    <ul class="blocks">${data.rows.slice(0, 8).map((block) => {
      const at = block.frames.findLast((frame) => frame.own) ?? block.frames.at(-1);
      return html`<li>
        <time>${clock(block.at)}</time> <b>${duration(block.seconds)}</b> <${Actor} path=${block.path} mark=${false} />
        ${at && html`<code class="line" title=${at.file}>${at.file.split('/').at(-1)}:${at.line} ${at.code}</code>`}
      </li>`;
    })}</ul>
  </section>`;
}

export function Overview({ live, theme }) {
  const seen = live.overview;
  if (!seen) return html`<${Loading} />`;
  return html`
    <h1 class="unseen">Overview</h1>
    <div class="tiles">
      <${Tile} name="Actors" value=${seen.actors} note=${`${count(seen.classes.length)} ${seen.classes.length === 1 ? 'class' : 'classes'}`} />
      <${Tile} name="Messages a second" value=${Math.round(seen.rate * 10) / 10} />
      <${Tile} name="Waiting in mailboxes" value=${seen.depth} />
      <${Tile} name="In a turn" value=${seen.in_turn} />
      <${Tile} name="Failures" value=${seen.failures} tone=${seen.failures ? 'bad' : ''}
        note=${seen.restarts ? plural(seen.restarts, 'restart') : ''} />
      <${Tile} name="Dead letters" value=${seen.dead_letters} tone=${seen.dead_letters ? 'warn' : ''} />
    </div>
    <section aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      <${AttentionList} lines=${seen.attention} />
    </section>
    <${Charts} history=${live.history} theme=${theme} />
    <${Blocks} tick=${seen.blocks + (seen.blocked ? 0.5 : 0)} />
    <section aria-labelledby="classes">
      <h2 id="classes">Classes</h2>
      <${Classes} rows=${seen.classes} />
    </section>`;
}

// -- actors ---------------------------------------------------------------------------------------

const PER_PAGE = 50;
const STATES = ['starting', 'running', 'stopping', 'restarting'];
const SORTS = [
  ['depth', 'Mailbox'], ['rate', 'Messages/s'], ['handled', 'Handled'], ['turn', 'In a turn for'],
  ['failed', 'Failed'], ['restarts', 'Restarts'], ['waiters', 'Waited for by'],
];

export function Depth({ row }) {
  const share = row.capacity ? Math.min(1, row.depth / row.capacity) : 0;
  return html`<span class="depth">${count(row.depth)}
    ${row.capacity && row.depth > 0 && html`<meter min="0" max="1" high="0.8" value=${share}
      aria-label=${`${count(row.depth)} of ${count(row.capacity)}`}></meter>`}</span>`;
}

function Sorted({ by, name, sort, set }) {
  return html`<th scope="col" class="number" aria-sort=${sort === by ? 'descending' : undefined}>
    <button type="button" onClick=${() => set({ sort: by, offset: 0 })}>${name}
      <span aria-hidden="true">${sort === by ? '▾' : ''}</span></button></th>`;
}

function ActorRow({ row }) {
  return html`<tr key=${row.path}>
    <th scope="row"><${Actor} path=${row.path} /><${ClassName} name=${row.cls} /></th>
    <td data-label="State"><span class=${`state ${row.state}`}>${row.state}</span></td>
    <td class="number" data-label="Mailbox"><${Depth} row=${row} /></td>
    <td class="number" data-label="Messages/s">${rate(row.rate)}</td>
    <td class="number" data-label="Handled">${count(row.handled)}</td>
    <td class="number" data-label="In a turn for">${duration(row.turn_seconds)}</td>
    <td class=${`number ${row.failed ? 'bad' : ''}`} data-label="Failed">${count(row.failed)}</td>
    <td class=${`number ${row.restarts ? 'bad' : ''}`} data-label="Restarts">${count(row.restarts)}</td>
    <td class="number" data-label="Waited for by">${row.waiters ? count(row.waiters) : ''}</td>
    <td data-label="Waits for">${row.waits_for && html`<${Actor} path=${row.waits_for} mark=${false} />`}</td>
  </tr>`;
}

function Choice({ id, name, value, set, options }) {
  return html`<div><label for=${id}>${name}</label>
    <select id=${id} value=${value} onChange=${(event) => set(event.target.value)}>
      ${options.map(([one, word]) => html`<option value=${one} selected=${one === value}>${word}</option>`)}
    </select></div>`;
}

export function Actors({ live, asked }) {
  const [state, change] = useState({ q: '', cls: '', state: '', under: '', sort: 'depth', offset: 0 });
  const set = (some) => change((before) => ({ ...before, ...some }));
  useEffect(() => {
    if (asked.size) set({ cls: asked.get('cls') ?? '', under: asked.get('under') ?? '', offset: 0 });
  }, [asked.toString()]);
  const { data, error, before } = useAnswer(query('/api/actors', { ...state, limit: PER_PAGE }), live.tick);
  const shown = data ?? before;
  const classes = (live.overview?.classes ?? []).map((row) => row.cls).filter((cls) => cls !== '(others)');
  const known = !state.cls || classes.includes(state.cls) ? classes : [state.cls, ...classes];
  return html`
    <h1>Actors</h1>
    <form class="tools" role="search" onSubmit=${(event) => event.preventDefault()}>
      <div><label for="search">Search</label>
        <input type="search" id="search" placeholder="path or class" value=${state.q}
          onInput=${(event) => set({ q: event.target.value, offset: 0 })} /></div>
      <${Choice} id="class" name="Class" value=${state.cls} set=${(cls) => set({ cls, offset: 0 })}
        options=${[['', 'all'], ...known.map((cls) => [cls, cls])]} />
      <${Choice} id="state" name="State" value=${state.state} set=${(one) => set({ state: one, offset: 0 })}
        options=${[['', 'all'], ...STATES.map((one) => [one, one])]} />
      <${Choice} id="sort" name="Sort by" value=${state.sort} set=${(sort) => set({ sort, offset: 0 })}
        options=${SORTS} />
      ${state.under && html`<span class="under">below <b class="path">${state.under}</b>
        <button type="button" onClick=${() => set({ under: '', offset: 0 })}>everywhere</button></span>`}
    </form>
    <${Problem} error=${error} />
    ${!shown ? html`<${Loading} />` : !shown.rows.length ? html`<${Empty}>No actor is like that.<//>` : html`
      <table class="stacked actors">
        <thead><tr>
          <th scope="col">Actor</th><th scope="col">State</th>
          ${SORTS.map(([by, name]) => html`<${Sorted} by=${by} name=${name} sort=${state.sort} set=${set} />`)}
          <th scope="col">Waits for</th>
        </tr></thead>
        <tbody>${shown.rows.map((row) => html`<${ActorRow} row=${row} key=${row.path} />`)}</tbody>
      </table>
      <${Pages} total=${shown.total} offset=${state.offset} set=${set} />`}`;
}

function Pages({ total, offset, set }) {
  const last = Math.min(total, offset + PER_PAGE);
  return html`<nav class="pages" aria-label="Pages">
    <button type="button" disabled=${offset === 0} onClick=${() => set({ offset: Math.max(0, offset - PER_PAGE) })}>
      Previous</button>
    <span>${count(offset + 1)} to ${count(last)} of ${count(total)}</span>
    <button type="button" disabled=${last >= total} onClick=${() => set({ offset: offset + PER_PAGE })}>Next</button>
  </nav>`;
}

// -- waits ----------------------------------------------------------------------------------------

const FEW = 8;

function Waiters({ of, waiting, level = 0 }) {
  const [all, showAll] = useState(false);
  const direct = waiting.filter((one) => one.for === of);
  if (!direct.length || level > 6) return null;
  const shown = all ? direct : direct.slice(0, FEW);
  return html`<ul class="waiters">
    ${shown.map((one) => html`<li key=${one.path}>
      <${Actor} path=${one.path} /> <${ClassName} name=${one.cls} />
      ${one.depth > 0 && html`<span class="quiet">${plural(one.depth, 'message')} in its mailbox</span>`}
      <${Waiters} of=${one.path} waiting=${waiting} level=${level + 1} />
    </li>`)}
    ${direct.length > FEW && !all && html`<li>
      <button type="button" class="more" onClick=${() => showAll(true)}>${direct.length - FEW} more</button></li>`}
  </ul>`;
}

export function Waits({ live }) {
  const { data, error } = useAnswer('/api/waits', live.tick);
  if (!data) return html`<h1>Waits</h1>${error ? html`<${Problem} error=${error} />` : html`<${Loading} />`}`;
  return html`
    <h1>Waits</h1>
    <${Problem} error=${error} />
    ${!data.rows.length && html`<${Empty}>No actor waits for another one.<//>`}
    ${data.rows.map((row) => html`<section class="culprit" key=${row.path}>
      <h2><${Actor} path=${row.path} /> <${ClassName} name=${row.cls} /></h2>
      <p>${plural(row.waiters, 'actor')} ${row.waiters === 1 ? 'waits' : 'wait'} for it${row.direct !== row.waiters
        ? `, ${count(row.direct)} directly` : ''}${row.turn_seconds !== null
        ? `; in one turn for ${duration(row.turn_seconds)}` : ''}</p>
      ${row.at && html`<p class="line"><span class="file">${row.at.file.split('/').at(-1)}:${row.at.line}</span>
        <code>${row.at.code}</code></p>`}
      <${Waiters} of=${row.path} waiting=${row.waiting} />
      ${row.waiting.length < row.waiters && html`<p class="quiet">${count(row.waiters - row.waiting.length)} further
        actors are not listed here.</p>`}
    </section>`)}`;
}

// -- failures and dead letters ----------------------------------------------------------------------

function FailureItem({ row, named }) {
  const [open, setOpen] = useState(false);
  return html`<li>
    <div class="failure">
      <button type="button" class="twist" aria-expanded=${String(open)} aria-label="Its stack"
        onClick=${() => setOpen(!open)}><span aria-hidden="true">${open ? '▾' : '▸'}</span></button>
      <time>${clock(row.at)}</time> ${named && html`<${Actor} path=${row.path} />`}
      <b class="bad">${row.error}</b> <span class="text">${row.text}</span>
    </div>
    ${open && html`<div class="details">
      <dl class="facts">
        <div><dt>Class</dt><dd><${ClassName} name=${row.cls} /></dd></div>
        <div><dt>Incarnation</dt><dd>${count(row.incarnation)}</dd></div>
        <div><dt>Message</dt><dd>${row.message_type || 'none: in a hook or a task'}</dd></div>
        ${row.capsule && html`<div><dt>Capsule</dt><dd>${row.capsule}</dd></div>`}
      </dl>
      <${Frames} frames=${row.frames} />
    </div>`}
  </li>`;
}

export function FailureList({ rows, named = true }) {
  return html`<ul class="failures">${rows.map((row) =>
    html`<${FailureItem} key=${`${row.at} ${row.path} ${row.incarnation}`} row=${row} named=${named} />`)}</ul>`;
}

export function Failures({ live }) {
  const { data, error } = useAnswer('/api/failures', live.overview?.failures ?? 0);
  return html`
    <h1>Failures</h1>
    <${Problem} error=${error} />
    ${!data ? html`<${Loading} />` : !data.rows.length ? html`<${Empty}>No actor has failed.<//>` : html`
      <p class="quiet">The last ${plural(data.rows.length, 'failure')}, newest first.</p>
      <${FailureList} rows=${data.rows} />`}`;
}

const REASONS = {
  stopped: 'its actor ended before its turn',
  interrupted: 'its actor was killed while it handled it',
  dropped: 'the mailbox was full',
  unsent: 'it was refused, and the sender did not look',
};

export function Letters({ live }) {
  const { data, error } = useAnswer('/api/letters', live.overview?.dead_letters ?? 0);
  return html`
    <h1>Dead letters</h1>
    <${Problem} error=${error} />
    ${!data ? html`<${Loading} />` : !data.rows.length ? html`<${Empty}>No message was lost.<//>` : html`
      <table class="stacked">
        <thead><tr><th scope="col">To</th><th scope="col">Time</th><th scope="col">Message</th><th scope="col">Why</th></tr>
        </thead>
        <tbody>${data.rows.map((row, at) => html`<tr key=${at}>
          <th scope="row"><${Actor} path=${row.path} /></th>
          <td data-label="Time"><time>${clock(row.at)}</time></td>
          <td data-label="Message"><code>${row.type}</code></td>
          <td data-label="Why"><b>${row.reason}</b>: ${REASONS[row.reason] ?? ''}</td>
        </tr>`)}</tbody>
      </table>`}`;
}
