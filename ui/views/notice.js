import { html } from '../html.js';
import { notice as current } from '../store.js';

/**
 * What came of the last thing that somebody did.
 * @param {{ notice: { readonly isError: boolean, readonly text: string } | null }} props
 */
export function Notice({ notice }) {
  return html`<div class="notices" role="alert">
    ${notice && html`<p class=${notice.isError ? 'notice error' : 'notice'}>
      <span>${notice.isError ? '✖ ' : '✔ '}${notice.text}</span>
      <button type="button" onClick=${() => (current.value = null)}>Close</button>
    </p>`}
  </div>`;
}
