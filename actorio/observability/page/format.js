// Numbers, times and names for people.

import { html } from './vendor/htm-preact.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (value) => (value === null || value === undefined ? '–' : whole.format(value));
export const rate = (value) => (value > 0 && value < 10 ? short.format(value) : whole.format(value));

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '';
  if (seconds < 0.0005) return '0 ms';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export const clock = (at) => new Date(at * 1000).toLocaleTimeString('en-GB');

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

// The module is the less telling part of a class's name.
export function ClassName({ name }) {
  const cut = name.lastIndexOf('.', name.includes('<locals>') ? name.indexOf('<locals>') : undefined);
  if (!name) return html`<span class="quiet">unknown class</span>`;
  return html`<span class="cls" title=${name}>
    ${cut > 0 && html`<span class="module">${name.slice(0, cut + 1)}</span>`}<b>${name.slice(cut + 1)}</b>
  </span>`;
}

export const actorLink = (path) => `#/actor${path.split('/').map(encodeURIComponent).join('/')}`;

export function Actor({ path, mark = true }) {
  if (!path) return html`<span class="quiet">no actor</span>`;
  return html`<a class="path" href=${actorLink(path)} title=${path} data-actor=${mark ? path : undefined}>${path}</a>`;
}

export function Frames({ frames }) {
  if (!frames.length) return html`<p class="quiet">Nothing to be seen here.</p>`;
  return html`<ol class="frames">
    ${frames.map((frame) => html`<li class=${frame.own ? 'own' : ''}>
      <span class="place"><span class="function">${frame.function}</span>
        <span class="file">${frame.file}:${frame.line}</span></span>
      ${frame.code && html`<code>${frame.code}</code>`}
    </li>`)}
  </ol>`;
}

export function Problem({ error, what }) {
  if (!error) return null;
  return html`<p class="problem" role="status">${what ?? 'This cannot be shown'}: ${error.message}</p>`;
}

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;
export const Loading = () => html`<p class="empty" aria-busy="true">Looking …</p>`;
