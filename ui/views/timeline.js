import { html } from '../html.js';
import { view } from '../store.js';
import { clock, measure, sentence } from '../words.js';
/** @import { Row } from '../types.ts' */

/** So many are drawn; more are kept. */
const DRAWN = 60;
const GLYPHS = { unload: '▼', load: '▲', pause: '■', config: '◆', restart: '↻' };

/** What was loaded and unloaded, and why, newest first. */
export function Timeline() {
  const { rows } = view.value;
  return html`<section class="timeline" aria-labelledby="timeline-title">
    <h2 id="timeline-title">Loads and evictions</h2>
    ${rows.length === 0 && html`<p class="quiet">Nothing was loaded or unloaded lately.</p>`}
    <ol class="scroll" tabindex="0" aria-labelledby="timeline-title">${rows.slice(0, DRAWN).map((row) => html`<${Entry} key=${row.key} row=${row} />`)}</ol>
  </section>`;
}

/** @param {{ row: Row }} props */
function Entry({ row }) {
  const measured = measure(row);
  return html`<li class=${row.result}>
    <time datetime=${new Date(row.at).toISOString()}>${clock(row.at)}</time>
    <span class="glyph" aria-hidden="true">${GLYPHS[row.what]}</span>
    <span>${sentence(row)}
      ${measured && html`<small class="measure">${measured}</small>`}
      ${row.error !== null && html`<code class="bad">${row.error}</code>`}
    </span>
  </li>`;
}
