import { expect, test } from '@jest/globals';
import express from 'express';
import type { RequestHandler } from 'express';
import request from 'supertest';
import { inOrder } from '../../../lib/middlewares/in-order.ts';

const named = (name: string, seen: string[]): RequestHandler => (_req, _res, next) => {
  seen.push(name);
  next();
};

async function outcome(...stages: readonly RequestHandler[]): Promise<{ readonly status: number; readonly error: unknown }> {
  const app = express();
  let error: unknown = null;
  app.use((req, res, next) => {
    void inOrder(...stages)(req, res, (cause?: unknown) => {
      if (cause === undefined) return next();
      error = cause;
      res.status(500).end();
    });
  });
  app.use((_req, res) => res.status(204).end());
  const { status } = await request(app).get('/');
  return { status, error };
}

test('stages run in their order, and what comes behind them after the last', async () => {
  const seen: string[] = [];
  expect(await outcome(named('one', seen), named('two', seen))).toEqual({ status: 204, error: null });
  expect(seen).toEqual(['one', 'two']);
});

test.each<[string, RequestHandler]>([
  ['throws', () => {
    throw new Error('broken');
  }],
  ['hands an error on', (_req, _res, next) => next(new Error('broken'))],
  ['hands an error on in a later turn', (_req, _res, next) => void setImmediate(() => next(new Error('broken')))],
])('a stage that %s is the last one, and its error is handled once', async (_what, broken) => {
  const seen: string[] = [];
  expect(await outcome(named('one', seen), broken, named('never', seen))).toMatchObject({ status: 500, error: { message: 'broken' } });
  expect(seen).toEqual(['one']);
});

test('a stage that answers ends it', async () => {
  const seen: string[] = [];
  expect(await outcome((_req, res) => void res.status(202).end(), named('never', seen))).toEqual({ status: 202, error: null });
  expect(seen).toEqual([]);
});
