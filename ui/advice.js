/** @import { Consumer } from './types.ts' */

/**
 * Commands that would help a consumer that does not answer, the likeliest first, each with when it is the one.
 * @param {Consumer} consumer
 * @returns {{ readonly when: string, readonly command: string }[]}
 */
export function advice({ name, url, systemd_unit: unit, last_error: error = '' }) {
  const look = url === undefined ? [] : [{ when: 'to see what it answers', command: `curl -i ${quoted(`${url}${probePath(error)}`)}` }];
  if (/ENOTFOUND|EAI_AGAIN/.test(error)) return [{ when: 'its host is not known; correct its url, then', command: 'mgpumanager check' }];
  if (unit !== undefined) return [{ when: 'it is a unit of systemd', command: `systemctl --user restart ${quoted(unit)}` }, ...look];
  if (/refused/i.test(error)) return [{ when: 'nothing listens there; if PM2 runs it', command: `pm2 restart ${quoted(name)}` }, ...look];
  return [...look, { when: 'if it hangs and PM2 runs it', command: `pm2 restart ${quoted(name)}` }];
}

/**
 * The broker's word for an error begins with the probe that failed, such as `GET /health: …`.
 * @param {string} error
 */
function probePath(error) {
  return /^GET (\/\S*?)(?::| answered) /.exec(error)?.[1] ?? '/';
}

/**
 * A word for the shell.
 * @param {string} word
 */
function quoted(word) {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
