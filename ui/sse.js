/**
 * One event of a stream.
 * @typedef {{ readonly type: string, readonly data: string, readonly id: string | null }} StreamEvent
 */

/**
 * Cuts a stream of text into events: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * Comments are nothing, and neither is an event without data.
 * @param {(event: StreamEvent) => void} onEvent
 * @returns {(text: string) => void} takes the next piece
 */
export function sseParser(onEvent) {
  let rest = '';
  let type = '';
  let id = /** @type {string | null} */ (null);
  /** @type {string[]} */
  let data = [];
  const end = () => {
    if (data.length > 0) onEvent({ type: type || 'message', data: data.join('\n'), id });
    type = '';
    data = [];
  };
  /** @param {string} line */
  const take = (line) => {
    if (line === '') return end();
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') type = value;
    if (field === 'data') data.push(value);
    if (field === 'id') id = value;
  };
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line.endsWith('\r') ? line.slice(0, -1) : line);
  };
}
