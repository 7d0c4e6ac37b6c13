import { afterEach, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { simpleConsumer } from '../support/broker.ts';
import { Collector } from '../support/collector.ts';
import { request } from '../support/http.ts';
import { ServeProcess } from '../support/serve-process.ts';

/** Writes the address of every module that is loaded into a file. */
const WATCH = `
import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context); } });
`;

const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** The modules that a daemon has loaded by the time that it has served a request and been scraped. */
async function loadedBy(tracing: Record<string, string>): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-loaded-'));
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  const [hooks, loaded] = [join(dir, 'watch.mjs'), join(dir, 'loaded')];
  writeFileSync(hooks, WATCH);
  writeFileSync(loaded, '');
  const fake = await simpleConsumer();
  ends.push(() => fake.stop());
  const consumers = { mvoice: { url: fake.url, paths: { tts: { path: '/work' } } } };
  const config = { listen: '127.0.0.1:0', health: { interval: '50ms' }, routing: { tts: 'mvoice' }, consumers, tracing };
  const daemon = new ServeProcess({ config, env: { PATH: '/nowhere', LOADED: loaded }, nodeArgs: ['--import', pathToFileURL(hooks).href] });
  ends.push(() => daemon.cleanup());
  await daemon.ready();
  const url = await daemon.url();
  expect((await request({ url: `${url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
  expect((await request({ url: `${url}/metrics` })).status).toBe(200);
  return readFileSync(loaded, 'utf8').split('\n');
}

test('nothing of OpenTelemetry is loaded unless traces are wanted, not even by the metrics', async () => {
  const loaded = await loadedBy({});
  expect(loaded.filter((url) => url.includes('prom-client')).length).toBeGreaterThan(5);
  expect(loaded.filter((url) => url.includes('@opentelemetry'))).toEqual([]);
}, 60_000);

test('it is loaded where they are', async () => {
  const collector = await Collector.start();
  ends.push(() => collector.stop());
  const loaded = await loadedBy({ otlp_endpoint: collector.url });
  expect(loaded.filter((url) => url.includes('@opentelemetry')).length).toBeGreaterThan(5);
}, 60_000);
