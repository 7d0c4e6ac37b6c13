import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { NOTHING_KEPT, StateFile } from '../../lib/state-file.ts';
import type { KeptState } from '../../lib/state-file.ts';
import { FakeLogger } from '../support/fake-logger.ts';

let folder: string;
let path: string;
let logger: FakeLogger;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-state-'));
  path = join(folder, 'gpu0.json');
  logger = new FakeLogger();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Large enough that writing it takes more than one turn. */
const stateOf = (mib: number): KeptState => ({ footprints: Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`consumer ${index}`, mib])), paused: null });

test('whoever reads the file while it is written again and again finds it whole', async () => {
  const file = new StateFile(path, logger);
  file.save(stateOf(1));
  await file.flush();
  for (let mib = 2; mib <= 10; mib += 1) {
    let isDone = false;
    file.save(stateOf(mib));
    void file.flush().then(() => (isDone = true));
    while (!isDone) {
      expect(Object.keys(new StateFile(path, logger).load().footprints)).toHaveLength(20_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  expect(new StateFile(path, logger).load()).toEqual(stateOf(10));
  expect([readdirSync(folder), logger.lines]).toEqual([['gpu0.json'], []]);
});

test.each(['', '{', '{"footprints": {"a": 1', '[]', 'null', '\0'.repeat(4096), '{"footprints": 5, "paused": {"since": "never", "by": 1}}'])('a torn or strange file is begun anew: %.30j', async (text) => {
  writeFileSync(path, text);
  const file = new StateFile(path, logger);
  expect(file.load()).toEqual(NOTHING_KEPT);
  file.save({ footprints: { a: 7 }, paused: null });
  await file.flush();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ footprints: { a: 7 } });
});
