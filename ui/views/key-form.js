import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { setKey } from '../key.js';

/**
 * Where a key is typed in. It is kept for this tab only.
 * @param {{ hasKey: boolean, problem: string | null }} props `problem`: what the broker has against it
 */
export function KeyForm({ hasKey, problem }) {
  const [text, setText] = useState('');
  /** @param {Event} event */
  const keep = (event) => {
    event.preventDefault();
    setKey(text);
    setText('');
  };
  if (hasKey) return html`${problem !== null && html`<span class="bad" role="status">✖ ${problem}</span>`}<button type="button" onClick=${() => setKey('')}>Forget key</button>`;
  return html`<form class="key" onSubmit=${keep} autocomplete="off">
    <label>Key <input type="password" name="key" value=${text} required autocomplete="off" spellcheck=${false} onInput=${inputOf(setText)} /></label>
    <button type="submit">Use</button>
  </form>`;
}

/**
 * @param {(text: string) => void} take
 * @returns {(event: Event) => void}
 */
export function inputOf(take) {
  return ({ target }) => {
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) take(target.value);
  };
}
