import { stateOf } from './health.js';
/** @import { Connection } from './stream.js' */
/** @import { View } from './types.ts' */

const GLYPHS = { live: '●', connecting: '◌', lost: '○', refused: '○' };
const COLOURS = { good: '#2a8a3e', ill: '#c2410c', gone: '#888888' };

/**
 * Says in the title and the icon of the tab how the broker does and how many wait, for whoever has it in the background.
 * @param {View} view
 * @param {Connection} connection
 */
export function showInTab({ status, queue }, { state }) {
  const waiting = queue?.waiting_total ?? 0;
  const ill = status?.consumers.filter((consumer) => stateOf(consumer) === 'unhealthy').length ?? 0;
  const word = state === 'live' ? (status?.paused ? 'paused' : ill > 0 ? `${ill} down` : 'live') : state === 'refused' ? 'no access' : state;
  document.title = `${waiting > 0 ? `(${waiting}) ` : ''}${GLYPHS[state]} ${word} – mGPUmanager`;
  const colour = state !== 'live' ? COLOURS.gone : ill > 0 ? COLOURS.ill : COLOURS.good;
  const icon = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><circle cx='8' cy='8' r='6' fill='${colour}'/></svg>`;
  document.querySelector('link[rel=icon]')?.setAttribute('href', `data:image/svg+xml,${encodeURIComponent(icon)}`);
}
