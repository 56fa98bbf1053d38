// The charts of the last quarter of an hour. They follow the theme, whose colours are those of the style sheet.

import uPlot from './vendor/uPlot.js';
import { html, useEffect, useRef } from './vendor/htm-preact.js';
import { count, duration, rate } from './format.js';

const SPAN = 900;
const HEIGHT = 120;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(label, tone, width, show) {
  const axis = { stroke: colour('--quiet'), font: '11px system-ui', ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 8, 0, 0],
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.15, 1)] } },
    series: [
      {},
      { label, stroke: colour(tone), width: 1.5, fill: `${colour(tone)}22`, points: { show: false } },
    ],
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 70, values: (_, splits) => hours(splits) },
      { ...axis, grid: { stroke: colour('--line'), width: 1 }, size: 52, values: (_, splits) => splits.map(show) },
    ],
  };
}

// With seconds while less than some minutes are shown.
function hours(splits) {
  const fine = splits.length > 1 && splits.at(-1) - splits[0] < 240;
  const form = { hour: '2-digit', minute: '2-digit', ...(fine ? { second: '2-digit' } : {}) };
  return splits.map((at) => new Date(at * 1000).toLocaleTimeString('en-GB', form));
}

function Chart({ label, tone, times, values, show, theme }) {
  const place = useRef(null);
  const chart = useRef(null);
  useEffect(() => {
    const holder = place.current;
    chart.current = new uPlot(options(label, tone, holder.clientWidth, show), [times, values], holder);
    const sized = new ResizeObserver(() => {
      if (holder.clientWidth) chart.current?.setSize({ width: holder.clientWidth, height: HEIGHT });
    });
    sized.observe(holder);
    return () => { sized.disconnect(); chart.current.destroy(); chart.current = null; };
  }, [theme, tone]);
  useEffect(() => { chart.current?.setData([times, values]); }, [times.at(-1), times.length]);
  const now = values.length ? show(values.at(-1)) : '–';
  return html`<figure class="chart">
    <figcaption><span>${label}</span> <b>${now}</b></figcaption>
    <div ref=${place} role="img" aria-label=${`${label}, the last 15 minutes; now ${now}`}></div>
  </figure>`;
}

const delay = (ms) => (ms > 0 && ms < 9.95 ? `${ms.toFixed(1)} ms` : duration(ms / 1000));

// Each row is [time, actors, rate, depth, lag in ms, failures].
export function Charts({ history, theme }) {
  const since = (history.at(-1)?.[0] ?? 0) - SPAN;
  const rows = history.filter((row) => row[0] >= since);
  const times = rows.map((row) => row[0]);
  const column = (number) => rows.map((row) => row[number]);
  return html`<div class="charts">
    <${Chart} label="Messages a second" tone="--accent" show=${rate} times=${times} values=${column(2)} theme=${theme} />
    <${Chart} label="Waiting in mailboxes" tone="--violet" show=${count} times=${times} values=${column(3)}
      theme=${theme} />
    <${Chart} label="Delay of the loop" tone="--amber" show=${delay} times=${times}
      values=${column(4)} theme=${theme} />
  </div>`;
}
