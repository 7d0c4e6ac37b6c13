import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileFromDebian, firstThere, librariesIn } from '../support/debian.js';
import { gated, servedAgain, takeLease, untilWaiting } from './work.js';

const WAITING = 3;
const JUMPS = ['+2h', '-2h', '+0'];

export const about = 'the wall clock jumps by two hours, forth and back (libfaketime)';

export function needs({ mayDownload }) {
  const find = (root) => firstThere(librariesIn(root).map((folder) => join(folder, 'faketime/libfaketime.so.1')));
  const { found: library, missing } = fileFromDebian('libfaketime', find, mayDownload);
  if (missing !== undefined) return { missing };
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-clock-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'offset');
  writeFileSync(file, '+0\n');
  // Durations are measured by the monotonic clock, which no jump of the wall clock moves.
  const env = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  return { env, file };
}

export async function run({ daemon, needs: { file }, goals }) {
  for (const jump of JUMPS) {
    const lease = await takeLease(daemon.port, 30);
    const waiting = Array.from({ length: WAITING }, () => gated(daemon.port, 'slow'));
    await untilWaiting(daemon, WAITING);
    writeFileSync(file, `${jump}\n`);
    const offMs = Date.parse((await daemon.status()).time) - Date.now();
    goals.atMost(`${jump}: the daemon's own time is off that`, 60, { measured: Math.abs(offMs / 1000 - Number.parseInt(jump, 10) * 3600), unit: ' s' });
    goals.atMost(`${jump}: renewing a lease: refused`, 0, { measured: Number((await lease.renew()) !== 200) });
    goals.atMost(`${jump}: giving it back: refused`, 0, { measured: Number((await lease.giveBack()) !== 200) });
    const statuses = await Promise.all(waiting);
    goals.atLeast(`${jump}: waiting requests served`, WAITING, { measured: statuses.filter((status) => status === 200).length, note: `(${statuses.join(', ')})` });
    goals.atMost(`${jump}: served again within`, 2000, { measured: await servedAgain(daemon.port, 10_000), unit: ' ms' });
  }
}
