import { html } from '../html.js';
import { now, order, queueAt, view } from '../store.js';
import { estimate, evicts, span } from '../words.js';
/** @import { Entry, Queue as QueueBody, RunningEntry, WaitingEntry } from '../types.ts' */

/** Who has the card, and who waits for it, in lanes by consumer. */
export function Queue() {
  const { queue } = view.value;
  return html`<section class="queue" aria-labelledby="queue-title">
    <h2 id="queue-title">Queue</h2>
    <p class="hidden" role="status" aria-live="polite">${queue && `${queue.running.length} running, ${queue.waiting_total} waiting`}</p>
    ${queue && html`<${Lanes} queue=${queue} heldMs=${Math.max(0, now.value - queueAt.value)} />`}
  </section>`;
}

/** @param {{ queue: QueueBody, heldMs: number }} props */
function Lanes({ queue, heldMs }) {
  const lanes = Object.entries(Object.groupBy(queue.waiting, ({ consumer }) => consumer ?? 'any'));
  const unlisted = queue.waiting_total - queue.waiting.length;
  return html`
    <h3>Running</h3>
    ${queue.running.length === 0 && html`<p class="quiet">${idleWords(queue)}</p>`}
    <ul class="lane">${queue.running.map((entry) => html`<${Running} key=${entry.id} entry=${entry} heldMs=${heldMs} />`)}</ul>
    ${lanes.length === 0 && html`<h3>Waiting</h3><p class="quiet">Nobody.</p>`}
    <div class="waiting">${lanes.map(([name, entries]) => html`<div key=${name}>
      <h3>Waiting for ${name} <small>${entries?.length}</small></h3>
      <ul class="lane">${entries?.map((entry) => html`<${Waiting} key=${entry.id} entry=${entry} heldMs=${heldMs} />`)}</ul>
    </div>`)}</div>
    ${unlisted > 0 && html`<p class="quiet">… and ${unlisted} more</p>`}
  `;
}

/** @param {QueueBody} queue nothing of which runs */
function idleWords({ waiting, waiting_total: total }) {
  if (waiting.some(({ admitting }) => admitting === true)) return 'Nothing yet: room is being made.';
  return total === 0 ? 'Nothing: the card is free.' : 'Nothing at the moment.';
}

/** @param {{ entry: RunningEntry, heldMs: number }} props */
function Running({ entry, heldMs }) {
  const ranMs = entry.run_ms + heldMs;
  const label = entry.expected_ms === null ? span(ranMs) : `${span(ranMs)} of about ${span(entry.expected_ms)}`;
  return html`<li>
    <div>
      <${Names} entry=${entry} where=${entry.consumer} />
      <span>${label}</span>
      ${entry.expected_ms !== null && html`<progress max=${entry.expected_ms} value=${Math.min(ranMs, entry.expected_ms)} aria-label=${`progress: ${label}`}></progress>`}
    </div>
    <${Cancel} entry=${entry} />
  </li>`;
}

/** @param {{ entry: WaitingEntry, heldMs: number }} props */
function Waiting({ entry, heldMs }) {
  const held = entry.held_by ?? [];
  const notes = [evicts(entry), held.length === 0 ? null : `waits for ${held.join(', ')}`].filter((note) => note !== null);
  return html`<li>
    <div>
      <b>#${entry.position}</b>
      <${Names} entry=${entry} where=${null} />
      <span>waited ${span(entry.wait_ms + heldMs)}, ${estimate(entry, heldMs)}</span>
      ${notes.map((note) => html`<span class="note" key=${note}>${note}</span>`)}
    </div>
    <${Cancel} entry=${entry} />
  </li>`;
}

/** @param {{ entry: Entry, where: string | null }} props `where`: its consumer, unless its lane says so */
function Names({ entry, where }) {
  return html`<span><b>${entry.kind ?? 'request'}</b> ${entry.model ?? ''} <small>${[where, entry.client].filter(Boolean).join(' · ')}</small></span>`;
}

/** @param {{ entry: Entry }} props */
function Cancel({ entry }) {
  const what = [entry.kind ?? 'request', entry.model, entry.consumer && `at ${entry.consumer}`, entry.client && `of ${entry.client}`].filter(Boolean).join(' ');
  return html`<button type="button" aria-label=${`Cancel ${what}`} onClick=${() => order('DELETE', `/v1/queue/${encodeURIComponent(entry.id)}`, { done: `Cancelled: ${what}` })}>Cancel</button>`;
}
