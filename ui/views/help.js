import { html } from '../html.js';
import { HELP_ID } from '../keyboard.js';

/** What the keys do, and how to read the page. */
export function Help() {
  return html`<dialog id=${HELP_ID} aria-labelledby="help-title">
    <h2 id="help-title">Help</h2>
    <dl class="keys">
      <dt><kbd>/</kbd></dt><dd>filter the log</dd>
      <dt><kbd>p</kbd></dt><dd>hold the log, and let it run on</dd>
      <dt><kbd>?</kbd></dt><dd>this help</dd>
      <dt><kbd>Tab</kbd></dt><dd>from button to button</dd>
      <dt><kbd>Esc</kbd></dt><dd>close this help</dd>
    </dl>
    <p>Hatched: memory of programs that are no consumer’s. Dashed: what the next waiting request needs.</p>
    <p>Loading, unloading, pausing, cancelling and the log need a key with the scope admin, also on the machine itself: pages of consumers have the same origin as this one. It is kept until this tab is closed.</p>
    <form method="dialog"><button type="submit">Close</button></form>
  </dialog>`;
}
