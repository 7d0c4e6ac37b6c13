import { html } from '../html.js';
import { view } from '../store.js';
import { bar, ghost } from '../vram.js';
import { size } from '../words.js';
/** @import { Part } from '../vram.js' */

/** The card's memory as one bar. */
export function Vram() {
  const { status, queue, readings } = view.value;
  const reading = readings.at(-1);
  const shown = status && bar(status, reading);
  return html`<section class="vram" aria-labelledby="vram-title">
    <h2 id="vram-title">Card memory</h2>
    ${status && shown && html`<${Bar} shown=${shown} next=${ghost(queue, status, reading)} names=${status.consumers.map(({ name }) => name)} />`}
    ${status && !shown && html`<p>The size of the card is not known.</p>`}
    ${status?.gpu.err && html`<p class="bad">✖ The card cannot be read: <code>${status.gpu.err}</code></p>`}
  </section>`;
}

/** @param {{ shown: NonNullable<ReturnType<typeof bar>>, next: ReturnType<typeof ghost>, names: readonly string[] }} props */
function Bar({ shown: { totalMib, parts, isMeasured }, next, names }) {
  const freeMib = parts.find(({ kind }) => kind === 'free')?.mib ?? 0;
  const percent = (/** @type {number} */ mib) => `${(mib / totalMib) * 100}%`;
  const ghostMib = Math.min(next?.needMib ?? 0, totalMib);
  return html`
    <p>${size(totalMib - freeMib)} of ${size(totalMib)} in use, ${size(freeMib)} free${isMeasured ? '' : ' (declared, not measured)'}</p>
    <div class="bar" role="img" aria-label=${parts.map((part) => `${part.name} ${size(part.mib)}`).join(', ')}>
      ${parts.map((part) => html`<span key=${part.name} class=${`part ${classOf(part, names)}`} style=${{ width: percent(part.mib) }}>${part.name}</span>`)}
      ${next && html`<span class="ghost" style=${{ left: percent(Math.min(totalMib - freeMib, totalMib - ghostMib)), width: percent(ghostMib) }}></span>`}
    </div>
    <ul class="legend">
      ${parts.map((part) => html`<li key=${part.name}><i class=${`swatch ${classOf(part, names)}`} aria-hidden="true"></i>${part.name} <b>${size(part.mib)}</b></li>`)}
    </ul>
    ${next && html`<p class="next"><i class="swatch dashed" aria-hidden="true"></i>${nextWords(next)}</p>`}
  `;
}

/** @param {NonNullable<ReturnType<typeof ghost>>} next */
function nextWords({ consumer, needMib, missingMib, evicts }) {
  const hasRoom = missingMib === 0 && evicts.length === 0;
  const room = hasRoom ? '; there is room' : missingMib === null || missingMib === 0 ? '' : `; ${size(missingMib)} more than is free`;
  const going = evicts.length === 0 ? '' : `; will evict ${evicts.map((each) => each.consumer).join(', ')}`;
  return `Next: ${consumer} needs ${size(needMib)}${room}${going}`;
}

/**
 * One of eight looks, the same for a consumer everywhere on the page.
 * @param {Part} part
 * @param {readonly string[]} names
 */
function classOf({ kind, name }, names) {
  return kind === 'consumer' ? `look-${Math.max(0, names.indexOf(name)) % 8}` : kind;
}
