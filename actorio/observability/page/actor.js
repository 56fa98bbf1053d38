// One actor: all its figures, where its turn stands, its mail, its state, its failures, a live trace, actions.

import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';
import { act, query, useAnswer } from './api.js';
import { Actor as ActorLink, ClassName, Empty, Frames, Loading, Problem, count, duration, plural } from './format.js';
import { Depth, FailureList } from './views.js';

const TRACED = 60;
const MOST_EVENTS = 200;

function Fact({ name, children }) {
  return html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
}

const links = (paths) => (paths.length
  ? paths.map((path, at) => html`${at > 0 && ', '}<${ActorLink} path=${path} mark=${false} />`) : '–');
const words = (list) => (list.length ? list.join(', ') : '–');

function Facts({ info }) {
  const state = info.suspended ? 'suspended' : info.state;
  return html`<dl class="facts grid">
    <${Fact} name="State"><span class=${`state ${state}`}>${state}</span><//>
    <${Fact} name="In a turn">${info.in_turn
      ? `${info.turn_seconds === null ? 'yes' : `for ${duration(info.turn_seconds)}`}${info.in_hand
        ? `: ${info.in_hand.kind} ${info.in_hand.type}` : ''}` : 'no'}<//>
    <${Fact} name="Waits for">${links(info.waits_for)}<//>
    <${Fact} name="Mailbox"><${Depth} row=${info} /> ${info.capacity === null ? 'unbounded'
      : `of ${count(info.capacity)}`}, peak ${count(info.peak)}<//>
    <${Fact} name="When full">${info.overflow.replace('_', ' ')}${info.senders_waiting
      ? `; ${plural(info.senders_waiting, 'sender')} waiting` : ''}<//>
    <${Fact} name="Handled">${count(info.handled)}<//>
    <${Fact} name="Failed"><span class=${info.failed ? 'bad' : ''}>${count(info.failed)}</span><//>
    <${Fact} name="Restarts"><span class=${info.restarts ? 'bad' : ''}>${count(info.restarts)}</span>,
      ${' '}incarnation ${count(info.incarnation)}<//>
    <${Fact} name="Restarted">${info.restart}<//>
    <${Fact} name="Parent">${info.parent ? html`<${ActorLink} path=${info.parent} mark=${false} />` : 'top level'}<//>
    <${Fact} name="Children">${count(info.children)}${info.strategy ? `, ${info.strategy.replaceAll('_', ' ')}` : ''}<//>
    <${Fact} name="Watched by">${links(info.watchers)}<//>
    <${Fact} name="Watches">${links(info.watching)}<//>
    <${Fact} name="Linked to">${links(info.links)}<//>
    <${Fact} name="Aliases">${words(info.aliases)}<//>
    <${Fact} name="Groups">${words(info.groups)}<//>
    <${Fact} name="Timers, tasks">${count(info.timers)}, ${count(info.tasks)}<//>
  </dl>`;
}

function Mail({ letters, depth, capacity }) {
  if (!letters.length) return html`<${Empty}>Its mailbox is empty.<//>`;
  return html`<ol class="letters">
    ${letters.map((letter) => html`<li><span class="badge plain">${letter.kind}</span> <b>${letter.type}</b>
      ${letter.text !== null && html`<code>${letter.text}</code>`}</li>`)}
    ${depth > letters.length && html`<li class="quiet">and ${count(depth - letters.length)} more</li>`}
  </ol>`;
}

function State({ attributes }) {
  if (!attributes.length) return html`<${Empty}>It has no attributes, or is between two incarnations.<//>`;
  return html`<table class="attributes"><thead><tr><th scope="col">Name</th><th scope="col">Type</th>
      ${attributes.some((one) => one.text !== null) && html`<th scope="col">Value</th>`}</tr></thead>
    <tbody>${attributes.map((one) => html`<tr><th scope="row">${one.name}</th><td><code>${one.type}</code></td>
      ${one.text !== null && html`<td><code>${one.text}</code></td>`}</tr>`)}</tbody></table>`;
}

function Trace({ path }) {
  const [events, setEvents] = useState(null);
  const [state, setState] = useState('');
  const source = useRef(null);
  const stop = () => { source.current?.close(); source.current = null; };
  useEffect(() => { setEvents(null); setState(''); return stop; }, [path]);
  function start() {
    stop();
    setEvents([]);
    setState('tracing');
    source.current = new EventSource(query('/api/trace', { path, for: TRACED, limit: 1000 }));
    source.current.addEventListener('trace', (event) => {
      setEvents((before) => [...before.slice(1 - MOST_EVENTS), JSON.parse(event.data)]);
    });
    source.current.addEventListener('end', () => { stop(); setState('ended'); });
    source.current.onerror = () => { stop(); setState((before) => (before === 'tracing' ? 'ended' : before)); };
  }
  return html`<section aria-labelledby="trace">
    <h2 id="trace">Live trace</h2>
    <p><button type="button" onClick=${state === 'tracing' ? () => { stop(); setState('ended'); } : start}>
      ${state === 'tracing' ? 'Stop the trace' : `Trace for ${TRACED} seconds`}</button></p>
    ${events && html`<ol class="trace" aria-live="off">
      ${events.map((event) => html`<li class=${event.kind} key=${`${event.number} ${event.kind} ${event.at}`}>
        <span class="kind">${event.kind}</span> ${event.number !== null && event.number !== undefined
          && html`<span class="quiet">#${event.number}</span>`} <span>${event.text}</span>
        ${event.took !== null && event.took !== undefined && html`<span class="quiet">${duration(event.took)}</span>`}
      </li>`)}
      ${!events.length && html`<li class="quiet">${state === 'tracing' ? 'Nothing has happened yet.'
        : 'Nothing has happened.'}</li>`}
    </ol>`}
  </section>`;
}

const ACTIONS = [
  ['suspend', 'Suspend', 'No turn begins for 60 seconds, or until you resume it.'],
  ['resume', 'Resume', 'It goes on with its mail.'],
  ['stop', 'Stop', 'It ends after its current message; what is in its mailbox is lost.'],
  ['kill', 'Kill', 'It is cancelled in the middle of what it does; what is in its mailbox is lost.'],
];

function Actions({ path, info }) {
  const [asked, ask] = useState(null);
  const [said, say] = useState(null);
  const yes = useRef(null);
  useEffect(() => { ask(null); say(null); }, [path]);
  useEffect(() => { if (asked) yes.current?.focus(); }, [asked]);
  async function confirm() {
    const [name, word] = asked;
    ask(null);
    try {
      await act(name, { path });
      say({ text: `${word}: done.` });
    } catch (error) {
      say({ text: `${word}: ${error.message}.`, bad: true });
    }
  }
  const shown = ACTIONS.filter(([name]) => (info?.suspended ? name !== 'suspend' : name !== 'resume'));
  return html`<section class="actions" aria-label="Actions">
    ${shown.map((action) => html`<button type="button" class=${action[0]} onClick=${() => ask(action)}>
      ${action[1]}</button>`)}
    ${asked && html`<div class="confirm" role="group" aria-label=${`${asked[1]} ${path}?`}>
      <span><b>${asked[1]} ${path}?</b> ${asked[2]}</span>
      <button type="button" class="danger" ref=${yes} onClick=${confirm}>Yes, ${asked[1].toLowerCase()}</button>
      <button type="button" onClick=${() => ask(null)}>No</button>
    </div>`}
    ${said && html`<p role="status" class=${said.bad ? 'problem' : 'quiet'}>${said.text}</p>`}
  </section>`;
}

export function ActorView({ path, live }) {
  const { data, error } = useAnswer(query('/api/actor', { path }), live.tick);
  const failures = useAnswer(query('/api/failures', { path }), live.overview?.failures ?? 0).data?.rows ?? [];
  const info = data?.info;
  return html`
    <h1 class="actor-name" data-actor=${path}>${path}</h1>
    ${info && html`<p class="subtitle"><${ClassName} name=${info.cls} /></p>`}
    ${live.overview?.actions && info && html`<${Actions} path=${path} info=${info} />`}
    ${error && html`<${Problem} error=${error} what=${error.status === 404 ? 'It is gone' : undefined} />`}
    ${!data && !error && html`<${Loading} />`}
    ${data && html`
      <${Facts} info=${info} />
      <div class="columns">
        <section aria-labelledby="stack"><h2 id="stack">Where its turn stands</h2>
          ${data.stack.length ? html`<${Frames} frames=${data.stack} />`
            : html`<${Empty}>${info.in_turn ? 'In code of actorio.' : 'It is between two turns.'}<//>`}</section>
        <section aria-labelledby="mail"><h2 id="mail">Next in its mailbox</h2>
          <${Mail} letters=${data.peek} depth=${info.depth} /></section>
        <section aria-labelledby="state"><h2 id="state">State</h2><${State} attributes=${data.attributes} /></section>
        <section aria-labelledby="failed"><h2 id="failed">Failures</h2>
          ${failures.length ? html`<${FailureList} rows=${failures.slice(0, 10)} named=${false} />`
            : html`<${Empty}>It has not failed lately.<//>`}</section>
      </div>
      <${Trace} path=${path} />`}`;
}
