import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { plotIn } from '../plot.js';
import { merged } from '../readings.js';
import { past, view } from '../store.js';
import { layers } from '../vram.js';
import { size } from '../words.js';

const RANGES = [
  { label: '10 min', s: 600 },
  { label: '1 h', s: 3600 },
  { label: '24 h', s: 86_400 },
];

/** The card's memory by consumer over time. */
export function Chart() {
  const [rangeS, setRangeS] = useState(600);
  const { status, readings } = view.value;
  const names = status?.consumers.map(({ name }) => name) ?? [];
  const hasPast = (past.value?.length ?? 0) > 0;
  return html`<section class="chart" aria-labelledby="chart-title">
    <h2 id="chart-title">Card memory over time</h2>
    <div class="filters" role="group" aria-label="Time span">
      ${RANGES.map(({ label, s }) => html`<button key=${label} type="button" aria-pressed=${String(s === rangeS)} onClick=${() => setRangeS(s)}>${label}</button>`)}
    </div>
    ${names.length > 0 && html`<${Plot} key=${names.join('\n')} names=${names} rangeS=${rangeS} all=${merged(readings, past.value ?? [])} />`}
    <ul class="legend">
      ${names.map((name, index) => html`<li key=${name}><i class=${`swatch look-${index % 8}`} aria-hidden="true"></i>${name} <b>${size(readings.at(-1)?.consumers[name] ?? 0)}</b></li>`)}
      <li><i class="swatch foreign" aria-hidden="true"></i>foreign</li>
      <li>▼ unloaded ▲ loaded</li>
    </ul>
    ${!hasPast && html`<p class="quiet">Since this page was opened: the broker keeps no history, or this page may not read it.</p>`}
  </section>`;
}

/** Of the card; an axis needs some number. */
function totalMib() {
  return view.peek().status?.gpu.total_mib ?? 1024;
}

/** @param {{ names: readonly string[], rangeS: number, all: ReturnType<typeof merged> }} props */
function Plot({ names, rangeS, all }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {ReturnType<typeof plotIn> | null} */ (null));
  const span = useRef(rangeS);
  span.current = rangeS;
  const [scheme, setScheme] = useState(0);
  useEffect(() => onScheme(() => setScheme((count) => count + 1)), []);
  useEffect(() => {
    if (place.current === null) return undefined;
    const made = plotIn(place.current, { names, rows: () => view.peek().rows, range: () => [Date.now() / 1000 - span.current, Date.now() / 1000], totalMib });
    plot.current = made;
    const sizes = new ResizeObserver(([entry]) => entry && made.setSize({ width: entry.contentRect.width, height: made.height }));
    sizes.observe(place.current);
    return () => {
      sizes.disconnect();
      made.destroy();
    };
  }, [scheme]);
  useEffect(() => {
    const { times, tops, foreign, used } = layers(all, names);
    plot.current?.setData([times, used, foreign, ...tops.toReversed()]);
  }, [all, rangeS, scheme]);
  const newest = all.at(-1);
  return html`<div class="plot" ref=${place} role="img" aria-label=${`Memory in use over the time span, now ${size(newest?.usedMib)} of ${size(newest?.totalMib)}`}></div>`;
}

/**
 * @param {() => void} changed
 * @returns {() => void}
 */
function onScheme(changed) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', changed);
  return () => dark.removeEventListener('change', changed);
}
