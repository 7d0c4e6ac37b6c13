import { describe, expect, test } from '@jest/globals';
import { readQueue } from '../../../lib/cli/queue-document.ts';
import { renderQueue } from '../../../lib/cli/queue-view.ts';
import { QUEUE } from '../../support/seen-queue.ts';

const rendered = (body: unknown, width: number | null = null): string[] => {
  const queue = readQueue(body);
  if (queue === null) throw new Error('not a queue');
  return renderQueue(queue, { color: false, width }).split('\n');
};

describe('the queue', () => {
  test('says of each who asks, how long, when it begins and what goes for it', () => {
    expect(rendered(QUEUE)).toEqual([
      ' POS  ID  KIND   MODEL          CONSUMER   FOR  ESTIMATE         WHO         WHAT HAPPENS',
      'runs  7   llm    qwen3:14b      ollama    21 s  of about 34 s    key laptop',
      '   1  8   image  text-to-image  comfyui   12 s  ~13 s (10–20 s)  user anna   evicts ollama 9.8 GiB',
      '   2  9   tts    -              mvoice     4 s  no estimate yet  -           waits for other work of comfyui',
      '… and 3 more',
      '',
    ]);
  });

  test('leaves out what a narrow terminal can do without', () => {
    const [heading] = rendered(QUEUE, 90);
    expect(heading).not.toContain('WHO');
    expect(heading).toContain('WHAT HAPPENS');
  });

  test('says why there is no estimate, and no range where that is none', () => {
    const [first] = QUEUE.waiting;
    const [, ...rows] = rendered({ waiting: [{ ...first, estimated_wait_ms: null, estimate: 'lease by hand' }, { ...first, estimated_wait_range_ms: [12_900, 13_100] }, { ...first, admitting: true }] });
    expect(rows.map((row) => / {2}(no estimate: lease by hand|~13 s|room is being made) {2}/.exec(row)?.[1]).slice(0, 3)).toEqual(['no estimate: lease by hand', '~13 s', 'room is being made']);
  });

  test('is said to be empty, and to be paused', () => {
    const paused = { since: '2026-11-21T11:00:00Z', by: 'martin@\u001b[2Jmrock' };
    const lines = rendered({ ...QUEUE, running: [], waiting: [], waiting_total: 0, paused });
    expect(lines[0]).toMatch(/^Paused since .* by martin@ \[2Jmrock; `mgpumanager resume` ends it\.$/);
    expect(lines[2]).toBe('nothing runs, nothing waits');
  });

  test.each([[null], [[]], [{}], [{ waiting: 'none' }]])('is not read from %j', (body) => {
    expect(readQueue(body)).toBeNull();
  });

  test('is read without trust in its members', () => {
    const queue = readQueue({ waiting: [{ estimated_wait_range_ms: ['a', 2], will_evict: 7, held_by: 'one' }, null], running: 'x' });
    expect(queue).toMatchObject({ running: [], waitingTotal: 2, waiting: [{ id: '?', rangeMs: null, willEvict: [], heldBy: ['one'] }, { id: '?' }] });
  });
});
