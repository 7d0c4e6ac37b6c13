import express from 'express';
import { expect, test } from '@jest/globals';
import supertest from 'supertest';
import { systemClock } from '../../lib/clock.ts';
import { BrokerError } from '../../lib/errors.ts';
import { accessLog } from '../../lib/middlewares/access-log.ts';
import { errorHandler } from '../../lib/middlewares/error-handler.ts';
import { configured } from '../support/configured.ts';
import { FakeLogger } from '../support/fake-logger.ts';
import { FakeWitness } from '../support/fake-witness.ts';

const logger = new FakeLogger();

/** An app with one route that throws what the test says. */
function failing(error: unknown): ReturnType<typeof express> {
  const app = express();
  app.use(accessLog({ clock: systemClock, logger, events: new FakeWitness(), config: () => configured({}), beginTrace: () => null }));
  app.get('/fails', () => {
    throw error;
  });
  app.use(errorHandler(logger));
  return app;
}

test('a bug of ours is a scheduler_error; its stack is for the log only', async () => {
  const answer = await supertest(failing(new TypeError('cannot read /etc/secret of 10.0.0.7'))).get('/fails').set('X-Request-Id', 'bug.1');
  expect(answer.status).toBe(500);
  expect(answer.body).toEqual({ error: 'scheduler_error', message: expect.stringContaining('request id'), retryable: true });
  expect(answer.headers['x-request-id']).toBe('bug.1');
  expect(answer.text).not.toMatch(/secret|10\.0\.0\.7|\.ts/);
  expect(logger.lines.find(({ message }) => message === 'unforeseen error')?.fields).toMatchObject({ id: 'bug.1', error: expect.stringContaining('TypeError') });
});

test('an error of the catalogue has its status, its envelope and its headers', async () => {
  const error = new BrokerError('insufficientVram', 'no room', { consumer: 'comfyui', retryAfterS: 7, allow: ['POST'], fields: { required_mib: 5, free_mib: null, holders: [] } });
  const answer = await supertest(failing(error)).get('/fails');
  expect(answer.status).toBe(503);
  expect(answer.headers).toMatchObject({ 'retry-after': '7', allow: 'POST', 'content-type': 'application/json; charset=utf-8' });
  expect(answer.body).toEqual({ error: 'insufficient_vram', message: 'no room', consumer: 'comfyui', retryable: true, required_mib: 5, free_mib: null, holders: [] });
});

test('a HEAD gets the headers without the body', async () => {
  const answer = await supertest(failing(new BrokerError('notFound', 'nothing here'))).head('/fails');
  expect([answer.status, Number(answer.headers['content-length']) > 0, answer.text]).toEqual([404, true, undefined]);
});
