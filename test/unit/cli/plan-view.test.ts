import { expect, test } from '@jest/globals';
import { renderPlan } from '../../../lib/cli/plan-view.ts';

test('a plan is a sentence, its numbers and who holds memory', () => {
  const body = {
    consumer: 'comfyui',
    plan: 'evict',
    required_mib: 13256,
    headroom_mib: 2000,
    free_mib: null,
    targets: [{ consumer: 'mvoice', frees_mib: 2710 }],
    busy: ['ollama'],
    foreign: [{ pid: 123, name: 'python3', mib: 800 }, { pid: 7, name: null, mib: null }],
    reason: 'comfyui needs 13256 MiB: mvoice will be unloaded',
  };
  expect(renderPlan(body, null)).toBe(
    [
      'comfyui needs 13256 MiB: mvoice will be unloaded',
      '',
      'CONSUMER  PLAN   REQUIRED MiB  HEADROOM MiB  FREE MiB',
      'comfyui   evict         13256          2000         -',
      '',
      'HOLDER              MiB  WHAT',
      'mvoice             2710  will be unloaded',
      'ollama                -  is busy',
      'python3 (pid 123)   800  belongs to no consumer',
      'process (pid 7)       -  belongs to no consumer',
      '',
    ].join('\n'),
  );
});

test('a plan that nobody stands in the way of has one table', () => {
  expect(renderPlan({ consumer: 'a', plan: 'fits', reason: 'it fits', targets: [], busy: [], foreign: [] }, null)).toBe(
    'it fits\n\nCONSUMER  PLAN  REQUIRED MiB  HEADROOM MiB  FREE MiB\na         fits             -             -         -\n',
  );
});
