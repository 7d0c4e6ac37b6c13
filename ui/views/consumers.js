import { advice } from '../advice.js';
import { BEAT_MS, BEATS, beats, stateOf } from '../health.js';
import { html } from '../html.js';
import { now, order, view } from '../store.js';
import { size } from '../words.js';
/** @import { Consumer } from '../types.ts' */

/** @type {Readonly<Record<string, string>>} */
const WORDS = { healthy: '✔ up', unhealthy: '✖ down', stopped: '□ stopped, loaded when wanted', unknown: '? not known yet' };
/** @type {Readonly<Record<string, string>>} */
const BEAT_WORDS = { healthy: 'up', unhealthy: 'down', stopped: 'stopped', unknown: 'not known', none: 'before this page was opened' };

/** How each consumer does, and what would help. */
export function Consumers() {
  const { status, health } = view.value;
  return html`<section class="consumers" aria-labelledby="consumers-title">
    <h2 id="consumers-title">Consumers</h2>
    <ul class="cards">
      ${status?.consumers.map((consumer) => html`<${Card} key=${consumer.name} consumer=${consumer} beats=${beats(health[consumer.name] ?? [], now.value)} />`)}
    </ul>
  </section>`;
}

/** @param {{ consumer: Consumer, beats: readonly string[] }} props */
function Card({ consumer, beats: shown }) {
  const state = stateOf(consumer);
  const { name } = consumer;
  return html`<li class=${`card ${state}`}>
    <h3>${name} <small>${WORDS[state]}</small></h3>
    <${Beats} beats=${shown} />
    <p>${consumer.residency}${memoryWords(consumer)}</p>
    ${state === 'unhealthy' && html`<${Ill} consumer=${consumer} />`}
    <p class="buttons">
      <button type="button" aria-label=${`Load ${name}`} disabled=${consumer.residency === 'resident' || consumer.loadable === false} title=${loadHint(consumer)} onClick=${() => change(name, 'load')}>Load</button>
      <button type="button" aria-label=${`Unload ${name}`} disabled=${consumer.residency === 'absent'} onClick=${() => change(name, 'unload')}>Unload</button>
    </p>
  </li>`;
}

/** @param {Consumer} consumer */
function loadHint({ loadable, residency }) {
  return loadable === false && residency !== 'resident' ? 'Nothing can load it from here: its next request does, once it answers.' : undefined;
}

/** @param {{ beats: readonly string[] }} props */
function Beats({ beats: shown }) {
  const minutes = (BEATS * BEAT_MS) / 60_000;
  const downs = shown.filter((state) => state === 'unhealthy').length;
  const summary = downs === 0 ? 'never seen down' : `down for about ${(downs * BEAT_MS) / 1000} s`;
  return html`<span class="beats" role="img" aria-label=${`last ${minutes} minutes: ${summary}`} title=${`last ${minutes} minutes`}>
    ${shown.map((state, index) => html`<i key=${index} class=${`beat ${state}`} title=${BEAT_WORDS[state]}></i>`)}
  </span>`;
}

/** @param {{ consumer: Consumer }} props */
function Ill({ consumer }) {
  return html`
    ${consumer.last_error !== undefined && html`<p><code class="bad">${consumer.last_error}</code></p>`}
    <ul class="advice">${advice(consumer).map(({ when, command }) => html`<li key=${command}>${when}: <code>${command}</code> <${Copy} text=${command} /></li>`)}</ul>
  `;
}

/**
 * Browsers give the clipboard only to pages of https and of the machine itself.
 * @param {{ text: string }} props
 */
function Copy({ text }) {
  return window.isSecureContext && html`<button type="button" aria-label=${`Copy ${text}`} onClick=${() => navigator.clipboard.writeText(text)}>Copy</button>`;
}

/** @param {Consumer} consumer */
function memoryWords({ residency, gpu_resident_mib: used, vram_budget_mib: budget }) {
  if (residency === 'absent') return `${used ? `, leaves ${size(used)}` : ''}${budget === null ? '' : `, needs ${size(budget)}`}`;
  if (used !== null) return budget === null ? `, has ${size(used)}` : `, has ${size(used)} of ${size(budget)}`;
  return budget === null ? '' : `, needs ${size(budget)}`;
}

/**
 * @param {string} name
 * @param {'load' | 'unload'} action
 */
function change(name, action) {
  void order('POST', `/v1/consumers/${encodeURIComponent(name)}/${action}`, { done: `${name}: ${action}ed.` });
}
