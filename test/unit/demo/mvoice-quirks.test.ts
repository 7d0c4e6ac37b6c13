import { afterEach, expect, test } from '@jest/globals';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { createMvoice } from '../../../lib/demo/servers/mvoice.ts';
import { resolveQuirks } from '../../../lib/demo/servers/quirks.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { openRequest } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const KNOWN = { barks: { on: true, what: 'It barks.' }, bites: { on: false, what: 'It bites.' } } as const;
let demo: RunningDemo | undefined;

afterEach(() => demo?.stop());

async function start(quirks: Quirks): Promise<RunningDemo> {
  demo = await startDemo((options) => createMvoice({ ...options, quirks }));
  return demo;
}

test('quirks are as they say themselves, unless told otherwise', () => {
  expect(resolveQuirks(KNOWN, undefined)).toEqual({ barks: true, bites: false });
  expect(resolveQuirks(KNOWN, { bites: true })).toEqual({ barks: true, bites: true });
  expect(resolveQuirks(KNOWN, { barks: false })).toEqual({ barks: false, bites: false });
});

test.each(['meows', 'toString', 'constructor'])('the unknown quirk %s is named, with those that are known', (name) => {
  expect(() => resolveQuirks(KNOWN, { [name]: true })).toThrow(`quirks: expected barks, bites; got ${name}`);
});

test.each([
  [true, 0],
  [false, 1],
])('with works_on %p a client that leaves cuts %i pauses', async (works_on, aborted) => {
  const { time, url, server } = await start({ works_on });
  let left = 0;
  server.on('request', (_, response) => response.once('close', () => (left += 1)));
  time.hold();
  const open = openRequest({ url: `${url}/api/synthesize`, method: 'POST', body: { text: 'hello' } });
  await until(() => time.pending === 1);
  open.abort();
  await until(() => left === 1);
  time.go();
  await until(() => time.pending === 0);
  expect(time.aborted).toBe(aborted);
});

test('it can start without its models and without a context', async () => {
  const { card, get, post } = await start({ starts_loaded: false, keeps_context: false, loads_itself: false });
  expect(card.memory.usedMib()).toBe(0);
  expect(JSON.parse((await get('/api/health')).body)).toMatchObject({ loaded: false, gpu_resident_mib: 0 });
  expect(await post('/api/synthesize', { text: 'hello' })).toMatchObject({ status: 503 });
  await post('/api/admin/load');
  expect(await post('/api/synthesize', { text: 'hello' })).toMatchObject({ status: 200 });
});
