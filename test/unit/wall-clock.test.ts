import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const LIB = join(import.meta.dirname, '..', '..', 'lib');
/** Where the time of day is shown, kept or read, and nothing is measured by it. */
const SHOW_IT = [
  'api/history.ts', 'cli/demo.ts', 'cli/history-view.ts', 'cli/members.ts', 'cli/terminal.ts', 'cli/top-feed.ts', 'clock.ts', 'core/history-page.ts', 'core/queue-report.ts',
  'core/status.ts', 'gpu/held-lease.ts', 'history/thread.ts', 'logging.ts', 'memory.ts',
];

test('no duration is measured by the wall clock, which may jump', () => {
  const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.startsWith('demo/'));
  const users = files.filter((name) => /\bDate\.now\(|\bnew Date\(/.test(readFileSync(join(LIB, name), 'utf8')));
  expect(users.toSorted()).toEqual(SHOW_IT.toSorted());
  const measuring = users.filter((name) => /\bDate\.now\(/.test(readFileSync(join(LIB, name), 'utf8')));
  // `2h` before now, a number that makes each picture another, and the age of what is kept across restarts.
  expect(measuring.toSorted()).toEqual(['api/history.ts', 'cli/demo.ts', 'history/thread.ts']);
});
