import { stateOf } from '../health.js';
import { html } from '../html.js';
import { openHelp } from '../keyboard.js';
import { key } from '../key.js';
import { connection as logConnection } from '../log.js';
import { connection, order, view } from '../store.js';
import { KeyForm } from './key-form.js';

const WORDS = { live: '● live', connecting: '◌ connecting', lost: '○ disconnected', refused: '○ no access' };

/** Name, state, the numbers that matter, and what can be done to all. */
export function Header() {
  const { status, queue } = view.value;
  const consumers = status?.consumers ?? [];
  const well = consumers.filter((consumer) => ['healthy', 'stopped'].includes(stateOf(consumer))).length;
  const isPaused = Boolean(status?.paused);
  return html`<header>
    <h1>mGPUmanager <small>${status?.version ?? ''}</small></h1>
    <ul class="strip" aria-label="At a glance">
      <li class=${`state ${connection.value.state}`}>${WORDS[connection.value.state]}</li>
      ${status && html`<li class=${well < consumers.length ? 'bad' : ''}>${well < consumers.length ? '✖' : '✔'} ${well} of ${consumers.length} consumers up</li>`}
      ${queue && html`<li>▶ ${queue.running.length} running</li>`}
      ${queue && html`<li>⋯ ${queue.waiting_total} waiting</li>`}
      ${status?.gpu.name && html`<li>${status.gpu.name}</li>`}
    </ul>
    <div class="actions">
      <button type="button" onClick=${() => (isPaused ? order('POST', '/v1/resume', { done: 'New work is taken again.' }) : pause())}>${isPaused ? 'Resume' : 'Pause'}</button>
      <${KeyForm} hasKey=${key.value !== ''} problem=${keyProblem()} />
      <button type="button" onClick=${openHelp} aria-haspopup="dialog">Help <kbd>?</kbd></button>
    </div>
  </header>`;
}

function pause() {
  void order('POST', '/v1/pause', { done: 'Paused: running work ends, new work is refused.', body: { by: 'the dashboard' } });
}

/** What the broker has against the key, of which the log is the first to hear; null: nothing, or there is none. */
function keyProblem() {
  const { value: how } = logConnection;
  return how.state === 'refused' && (how.refusal.status === 401 || how.refusal.status === 403) ? how.refusal.message : null;
}
