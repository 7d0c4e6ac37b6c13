import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, faultsOf, open, startBrowser, WHY_SKIPPED } from '../support/browser.ts';
import type { Seen } from '../support/browser.ts';
import { DemoBroker } from '../support/demo-broker.ts';
import { untilAsked } from '../support/until.ts';

/** Real servers are started and stopped, on a busy machine. ms. */
const LIMIT_MS = 120_000;
const SOON_MS = 25_000;
const KEY = 'owner-key-1';
const PICTURES = join(import.meta.dirname, '..', '..', 'docs', 'img');
const MOST_BYTES = 80 * 1024;

if (CHROMIUM === null) process.stderr.write(`${WHY_SKIPPED}\n`);
const looked = CHROMIUM === null ? describe.skip : describe;

let browser: Browser;
let broker: DemoBroker;
let seen: Seen;
let page: Page;

const textOf = (name: string) => page.getByRole('region', { name, exact: true }).innerText();

/** Resolves when a part of the page shows all of these. */
async function shows(name: string, ...parts: readonly (string | RegExp)[]): Promise<void> {
  const isShown = async () => {
    const text = await textOf(name);
    return parts.every((part) => (typeof part === 'string' ? text.includes(part) : part.test(text)));
  };
  await untilAsked(isShown, SOON_MS).catch(async () => {
    throw new Error(`${name} should show ${parts.join(' and ')}, and shows ${await textOf(name)}`);
  });
}

const rows = (text: string) => page.getByRole('listitem').filter({ hasText: text });

async function typeKey(): Promise<void> {
  await page.getByRole('textbox', { name: 'Key' }).fill(KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Forget key' }).waitFor();
}

looked('the dashboard of a real broker', () => {
  beforeAll(async () => {
    broker = new DemoBroker(KEY);
    [browser] = await Promise.all([startBrowser(), broker.start()]);
    seen = await open(browser, `${broker.url}/ui`);
    ({ page } = seen);
    await page.getByText('✔ 4 of 4 consumers up').waitFor({ timeout: SOON_MS });
  }, LIMIT_MS);
  afterAll(async () => {
    await browser.close();
    await broker.stop();
  }, LIMIT_MS);
  afterEach(() => expect(seen.complaints).toEqual([]));

  test('is where a browser is sent from /, and small', async () => {
    const second = await browser.newContext();
    const other = await second.newPage();
    let bytes = 0;
    other.on('requestfinished', async (request) => {
      if (new URL(request.url()).pathname.startsWith('/ui')) bytes += (await request.sizes()).responseBodySize;
    });
    await other.goto(`${broker.url}/`);
    await other.getByText('● live').waitFor();
    expect(new URL(other.url()).pathname).toBe('/ui');
    await untilAsked(async () => bytes > 0);
    await second.close();
    expect(bytes).toBeLessThan(MOST_BYTES);
  }, LIMIT_MS);

  test('shows who runs and who waits, cancels with a key, and tells why somebody had to go', async () => {
    const speech = broker.send('tts');
    expect((await speech.ended).status).toBe(200);
    await shows('Card memory', /mvoice \d/);
    const release = await broker.hold('comfyui');
    await shows('Queue', /Running\s+lease/);
    const waiting = broker.send('llm');
    await shows('Queue', 'Waiting for ollama', '#1');
    expect(await page.title()).toMatch(/^\(1\) ● live/);
    await typeKey();
    await page.getByRole('button', { name: /^Cancel llm .*at ollama/ }).click();
    const refused = await waiting.ended;
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([503, 'cancelled']);
    await shows('Queue', 'Nobody.');
    await release();
    expect((await broker.send('image').ended).status).toBe(200);
    await shows('Queue', 'Nothing: the card is free.');
    await shows('Loads and evictions', /was unloaded for comfyui: comfyui needs \d+ MiB/, /expected \d+ MiB, freed \d+ MiB, took /);
    await shows('Card memory', /comfyui \d/);
    await shows('Log', 'exchange');
    await pictures();
  }, LIMIT_MS);

  test('loads and unloads by hand, and pauses', async () => {
    expect((await broker.send('tts').ended).status).toBe(200);
    await page.getByRole('button', { name: 'Unload mvoice' }).click({ timeout: SOON_MS });
    await page.getByText('mvoice: unloaded.').waitFor({ timeout: SOON_MS });
    await shows('Loads and evictions', 'mvoice was unloaded: somebody asked for it');
    await page.getByRole('button', { name: 'Load mvoice', exact: true }).click({ timeout: SOON_MS });
    await page.getByText('mvoice: loaded.').waitFor({ timeout: SOON_MS });
    await shows('Loads and evictions', 'mvoice was loaded');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused by the dashboard').waitFor({ timeout: SOON_MS });
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('Paused by the dashboard').waitFor({ state: 'detached', timeout: SOON_MS });
  }, LIMIT_MS);

  test('shows that a consumer has died, why, and what would help; and that it is back', async () => {
    await broker.fleet.stop('ollama');
    await shows('Consumers', '✖ down', 'ECONNREFUSED', 'pm2 restart ollama');
    expect(await page.title()).toContain('1 down');
    await page.locator('.card.unhealthy .beat.unhealthy').first().waitFor({ timeout: SOON_MS });
    await broker.fleet.start('ollama');
    await page.getByText('✔ 4 of 4 consumers up').waitFor({ timeout: SOON_MS });
    expect(await textOf('Consumers')).not.toContain('ECONNREFUSED');
  }, LIMIT_MS);

  test('shows that the broker is gone, and heals when it is back, with nothing twice', async () => {
    const before = await rows('was unloaded for comfyui').count();
    expect(before).toBeGreaterThan(0);
    await broker.killDaemon();
    await page.getByText('Disconnected.').waitFor({ timeout: SOON_MS });
    expect(await page.title()).toContain('○ lost');
    await broker.startDaemon();
    await page.getByText('Disconnected.').waitFor({ state: 'detached', timeout: SOON_MS });
    await shows('Loads and evictions', 'the broker was started again');
    expect(await rows('was unloaded for comfyui').count()).toBe(before);
    expect((await broker.send('llm').ended).status).toBe(200);
    await shows('Loads and evictions', /was unloaded for ollama: ollama needs[^↻]*↻\s+the broker was started again/);
    await shows('Queue', 'Nothing: the card is free.');
    await page.getByText('✔ 4 of 4 consumers up').waitFor({ timeout: SOON_MS });
  }, LIMIT_MS);

  test.each(['light', 'dark'] as const)('has no fault that axe finds: %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await faultsOf(page)).toEqual([]);
  }, LIMIT_MS);
});

/** For README and docs, taken anew on request: UPDATE_SCREENSHOTS=1. Something runs and something waits in them. */
async function pictures(): Promise<void> {
  if (process.env['UPDATE_SCREENSHOTS'] !== '1') return;
  mkdirSync(PICTURES, { recursive: true });
  await page.getByRole('button', { name: 'Close' }).click();
  // Of what has run three times there is an estimate.
  for (const kind of ['llm', 'stt', 'image', 'llm', 'stt', 'image', 'llm', 'stt', 'image'] as const) await broker.send(kind).ended;
  await shows('Card memory', /comfyui 1\d\.\d GiB/);
  const busy = [broker.send('image'), broker.send('llm'), broker.send('stt'), broker.send('image')];
  await shows('Queue', 'Waiting for ollama', 'Waiting for whisper-server');
  await shows('Card memory', 'Next: ollama needs');
  await shows('Queue', 'in about');
  const looks = [['dashboard-light', 'light', 1280], ['dashboard-dark', 'dark', 1280], ['dashboard-phone', 'light', 390]] as const;
  for (const [name, colorScheme, width] of looks) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const { ended } of busy) await ended;
}
