import { expect, test } from '@jest/globals';
import { cancelled, notInQueue } from '../../../lib/gpu/refusals.ts';

test('who looks for what is not in the queue is told the id, shortened, and where the ids are', () => {
  expect(notInQueue(`"${'x'.repeat(50)}`).message).toBe(
    `there is nothing with the id "\\"${'x'.repeat(39)}" in the queue: it has ended, or never was; GET /v1/queue has the ids`,
  );
});

test('one that is cancelled is told what it did at that moment', () => {
  expect(cancelled('a', 'while it waited for the card')).toMatchObject({ message: 'the request was cancelled while it waited for the card', details: { consumer: 'a' } });
});
