import { expect, test } from '@jest/globals';
import { renderFindings } from '../../../lib/cli/doctor-view.ts';
import { fail, ok, warn } from '../../../lib/cli/finding.ts';

test('what was found is a line for each check, what helps below it, and a sum', () => {
  const text = renderFindings([ok('config', 'is valid'), warn('日本', 'slow\u001b[2J', 'Hurry.'), fail('port', 'taken', 'Free it.')], { color: false });
  expect(text).toBe(
    ['ok    config  is valid', 'warn  日本    slow [2J', '              → Hurry.', 'fail  port    taken', '              → Free it.', '', '1 ok, 1 to look at, 1 failed', ''].join('\n'),
  );
});

test('a failure is red', () => {
  expect(renderFindings([fail('port', 'taken', 'Free it.')], { color: true })).toContain('\u001b[31mfail\u001b[39m');
});
