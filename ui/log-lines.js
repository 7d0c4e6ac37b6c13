/** So many lines are kept, and of those that match the newest are shown. */
export const KEPT = 2000;
const SHOWN = 400;
const LEVELS = ['error', 'warn', 'info', 'debug'];

/** @typedef {{ readonly id: number, readonly raw: string, readonly time: string, readonly level: string, readonly text: string }} Line */

/**
 * A line of the log, as the broker sends it: an object with `time`, `level`, `message` and `fields`.
 * @param {string} raw
 * @param {number} id
 * @returns {Line}
 */
export function lineOf(raw, id) {
  const { time = '', level = 'info', message = '', fields } = membersIn(raw);
  const more = Object.entries(typeof fields === 'object' && fields !== null ? fields : {}).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return { id, raw, time: String(time), level: String(level), text: [String(message), ...more].join(' ') };
}

/**
 * @param {string} raw
 * @returns {Record<string, unknown>}
 */
function membersIn(raw) {
  try {
    const value = /** @type {unknown} */ (JSON.parse(raw));
    return typeof value === 'object' && value !== null ? { ...value } : { message: raw };
  } catch {
    return { message: raw };
  }
}

/**
 * The lines with those that have come. After a break the broker sends some again.
 * @param {readonly Line[]} lines oldest first
 * @param {readonly Line[]} more
 * @returns {readonly Line[]}
 */
export function appended(lines, more) {
  const newest = lines.at(-1)?.time ?? '';
  const seen = new Set(more.some(({ time }) => time <= newest) ? lines.map(({ raw }) => raw) : []);
  return [...lines, ...more.filter(({ raw }) => !seen.has(raw))].slice(-KEPT);
}

/**
 * The lines of at least a level that a regular expression finds: how many, and the newest; null: it is none.
 * @param {readonly Line[]} lines
 * @param {{ readonly pattern: string, readonly level: string }} filter
 * @returns {{ readonly found: number, readonly shown: readonly Line[] } | null}
 */
export function filtered(lines, { pattern, level }) {
  const unwanted = LEVELS.slice(LEVELS.indexOf(level) + 1);
  try {
    const expression = new RegExp(pattern, 'i');
    const found = lines.filter((line) => !unwanted.includes(line.level) && expression.test(`${line.level} ${line.text}`));
    return { found: found.length, shown: found.slice(-SHOWN) };
  } catch {
    return null;
  }
}
