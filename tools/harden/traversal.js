import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BAD, countOf, tally } from '../support/all.js';
import { askRaw } from '../support/http.js';
import { fileFromDebian, firstThere } from '../support/debian.js';

const AT_ONCE = 16;
/** Of Debian's wfuzz. */
const LISTS = ['Injections/Traversal.txt', 'vulns/dirTraversal.txt', 'vulns/dirTraversal-nix.txt', 'vulns/dirTraversal-win.txt'];
const DOORS = ['/audio/', '/upstream/one/', '/upstream/', '/v1/models/', '/v1/consumers/', '/v1/leases/', '/v1/', '/'];
/** Ways to write one step up, and where it leads. */
const STEPS = ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '.%2e/', '%252e%252e%252f', '..\\', '..%5c', '..;/', './../', '..//', '%c0%ae%c0%ae/', '..%00/', '...//', '%u002e%u002e/'];
const ENDS = ['unload', 'load', 'etc/passwd'];

export const about = 'ways to write a path that leads elsewhere, at every door';

/** Never missing: without the lists there are our own words. */
export function needs({ mayDownload }) {
  const { found, missing } = fileFromDebian('wfuzz', (root) => firstThere([join(root, 'usr/share/wfuzz/wordlist')]), mayDownload);
  if (missing !== undefined) console.log(`without its word lists, with our own spellings only: ${missing}\n`);
  return { words: [...ownWords(), ...(found === undefined ? [] : listedWords(found))] };
}

export async function run({ daemon, fake, needs: { words }, goals }) {
  const targets = DOORS.flatMap((door) => words.map((word) => `${door}${word}`));
  const statusOf = (target) => askRaw(daemon.port, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  const counts = await tally(targets, AT_ONCE, statusOf);
  console.log(`${targets.length} targets: ${Object.entries(counts).map(([status, times]) => `${status}: ${times}`).join(', ')}`);
  const seen = await fake.ask('targets');
  const outside = seen.filter((target) => leadsElsewhere(target));
  for (const target of outside.slice(0, 5)) console.log(`reached the consumer: ${target}`);
  goals.atMost('no answer, 500, or a refusal that is not ours', 0, { measured: countOf(counts, BAD) });
  goals.atMost('paths at the consumer that a server may read as another', 0, { measured: outside.length });
  goals.atLeast('paths that did reach it', 1, { measured: seen.length });
}

function ownWords() {
  return STEPS.flatMap((step) => [1, 2, 5].flatMap((times) => ENDS.map((end) => step.repeat(times) + end)));
}

function listedWords(folder) {
  // A space would end the target.
  return LISTS.flatMap((list) => readFileSync(join(folder, list), 'latin1').split(/\r?\n/)).filter((word) => word !== '' && !/\s/.test(word));
}

/** Whether a server that decodes once or twice, or takes backslashes for slashes, finds a step up in it, or a hook of ours. */
function leadsElsewhere(target) {
  const path = target.split('?')[0];
  const readings = [path, decoded(path), decoded(decoded(path))].map((reading) => reading.replaceAll('\\', '/'));
  return readings.some((reading) => /(^|\/)\.{1,2}(\/|$)/.test(reading) || /^\/(un)?load$/.test(reading) || reading.includes('\0'));
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
