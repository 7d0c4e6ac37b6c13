import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consumerAt, startDaemon } from '../support/daemon.js';
import { Helper } from '../support/processes.js';
import { figure, table } from '../support/report.js';
import { median } from '../support/statistics.js';

const CARD_MIB = 16_376;
const FOOTPRINT_MIB = 13_000;
const ROUNDS = 12;
const FREED_AFTER_MS = 100;
const MOST_MS = 300;

/** `slow`: nvidia-smi takes as long as a real one. */
const CASES = [
  { name: 'loads itself on first use', load: false },
  { name: 'has a load hook', load: true },
];

export const about = `an unload frees its memory ${FREED_AFTER_MS} ms later: from then to the next request at its consumer`;

export async function run({ root, goals }) {
  const rows = [];
  for (const { name, load } of CASES) {
    const delays = await alternate({ root, load });
    rows.push([name, figure(median(delays)), figure(Math.min(...delays)), figure(Math.max(...delays)), delays.length]);
    if (!load) goals.atMost('evict: memory free to request at the consumer', MOST_MS, { measured: Math.max(...delays), unit: ' ms', note: '(worst)' });
  }
  table(['consumer', 'median ms', 'best ms', 'worst ms', 'evictions'], rows);
}

/** Requests to two consumers in turn; each has to push the other one off the card. Delays in ms. */
async function alternate({ root, load }) {
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-bench-card-'));
  const { createCard } = await import(`${root}/dist/lib/demo/card.js`);
  const card = createCard(dir, { totalMib: CARD_MIB });
  const start = () => Helper.start('contestants/holder.js', { env: { BENCH_ROOT: root, BENCH_CARD: dir } });
  const [first, second] = [await start(), await start()];
  const daemon = await startDaemon(await settings({ first, second, load }), { root, path: `${card.binDir}:${process.env.PATH}` });
  try {
    await daemon.probed();
    return await delays({ first, second, port: daemon.port });
  } finally {
    await Promise.all([first.end(), second.end(), daemon.end()]);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function settings({ first, second, load }) {
  const entry = async (holder) => {
    const port = await holder.ask('start', { mib: FOOTPRINT_MIB, freedAfterMs: FREED_AFTER_MS });
    const hooks = { unload: { path: '/unload' }, ...(load ? { load: { path: '/load' } } : {}) };
    return consumerAt(port, { vram_resident_mib: FOOTPRINT_MIB, ...hooks });
  };
  const consumers = { first: await entry(first), second: await entry(second) };
  return { routing: { tts: 'first', llm: 'second' }, consumers };
}

async function delays({ first, second, port }) {
  const found = [];
  const turns = [[second, first, 'tts'], [first, second, 'llm']];
  for (let round = -2; round < ROUNDS; round += 1) {
    const [from, , kind] = turns[(round + 2) % 2];
    const answer = await fetch(`http://127.0.0.1:${port}/v1/${kind}`, { method: 'POST', body: '{}' });
    const { reachedAt } = await answer.json();
    if (!answer.ok) throw new Error(`${answer.status} for ${kind}`);
    const freedAt = await from.ask('freedAt');
    // The first two find the card empty, or cold code.
    if (round >= 0) found.push(reachedAt - freedAt);
  }
  return found;
}
