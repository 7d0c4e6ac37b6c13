import { html } from '../html.js';
import { view } from '../store.js';
/** @import { Connection } from '../stream.js' */

/**
 * What stands between the page and the broker; nothing while all is well.
 * @param {{ connection: Connection }} props
 */
export function Banner({ connection }) {
  return html`<div class="banners" role="status">${textsFor(connection).map((text) => html`<p class="banner" key=${text}>${text}</p>`)}</div>`;
}

/**
 * @param {Connection} connection
 * @returns {string[]}
 */
function textsFor(connection) {
  if (connection.state === 'lost') return ['Disconnected. What is shown is what was last heard; trying to connect again…'];
  if (connection.state === 'refused') return [`The broker does not let this page look: ${connection.refusal.message}`];
  const { status } = view.value;
  if (status === null) return ['Connecting…'];
  return [
    ...(status.draining === true ? ['The broker is shutting down: it takes no new work.'] : []),
    ...(status.paused ? [`Paused${status.paused.by === null ? '' : ` by ${status.paused.by}`}: the card is kept from new work.`] : []),
    ...(status.config?.reload_error === undefined ? [] : [`The newest configuration is not valid, the one before it is in force: ${status.config.reload_error}`]),
  ];
}
