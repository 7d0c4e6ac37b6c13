import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { FILTER_ID } from '../keyboard.js';
import { key } from '../key.js';
import { connection, isPaused, lines } from '../log.js';
import { filtered } from '../log-lines.js';
import { inputOf } from './key-form.js';
/** @import { Line } from '../log-lines.js' */

/** Whoever has scrolled up by more than this reads, and is left there. px. */
const AT_BOTTOM_PX = 40;

/** The broker's log as it is written. */
export function Log() {
  const [pattern, setPattern] = useState('');
  const [level, setLevel] = useState('info');
  const found = filtered(lines.value, { pattern, level });
  const { value: how } = connection;
  return html`<section class="log" aria-labelledby="log-title">
    <h2 id="log-title">Log</h2>
    <div class="filters">
      <label>Filter <kbd>/</kbd> <input id=${FILTER_ID} type="search" value=${pattern} onInput=${inputOf(setPattern)} aria-invalid=${String(found === null)} aria-describedby="log-found" placeholder="regular expression" /></label>
      <label>Level <select value=${level} onChange=${inputOf(setLevel)}>
        ${['error', 'warn', 'info', 'debug'].map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      </select></label>
      <button type="button" aria-pressed=${String(isPaused.value)} onClick=${() => (isPaused.value = !isPaused.value)}>${isPaused.value ? 'Run on' : 'Hold'} <kbd>p</kbd></button>
      <span id="log-found" class="quiet">${found === null ? 'this is no regular expression' : `${found.found} of ${lines.value.length} lines`}</span>
    </div>
    ${how.state === 'refused' && html`<p class=${key.value === '' ? 'quiet' : 'bad'}>${how.refusal.status === 404 ? 'This broker does not show its log.' : `The log is not shown: ${how.refusal.message}`}</p>`}
    <${Lines} shown=${found?.shown ?? []} />
  </section>`;
}

/** @param {{ shown: readonly Line[] }} props */
function Lines({ shown }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const isAtBottom = useRef(true);
  useLayoutEffect(() => {
    if (box.current !== null && isAtBottom.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown]);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    isAtBottom.current = scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX;
  };
  return html`<div class="scroll lines" ref=${box} onScroll=${onScroll} tabindex="0" role="log" aria-live="off" aria-label="Lines">
    ${shown.map((line) => html`<p key=${line.id} class=${line.level}><time>${timeOf(line)}</time> <b>${line.level}</b> ${line.text}</p>`)}
  </div>`;
}

/** @param {Line} line */
function timeOf({ time }) {
  return /T([\d:]{8}(?:\.\d+)?)/.exec(time)?.[1] ?? time;
}
