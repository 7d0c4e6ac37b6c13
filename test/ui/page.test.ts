import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, faultsOf, open, startBrowser, WHY_SKIPPED } from '../support/browser.ts';
import type { Seen } from '../support/browser.ts';
import { FakeWatched } from '../support/fake-watched.ts';
import { untilAsked } from '../support/until.ts';
import { consumer, status } from '../support/watched-events.ts';

/** Starting Chromium on a busy machine. ms. */
const LIMIT_MS = 90_000;
const EVIL = '<img src=x onerror="globalThis.evil=1">';

if (CHROMIUM === null) process.stderr.write(`${WHY_SKIPPED}\n`);
const looked = CHROMIUM === null ? describe.skip : describe;

let browser: Browser;
let broker: FakeWatched;
let seen: Seen;
let page: Page;

const entry = (id: string, over: Record<string, unknown>) => ({ id, request_id: `r${id}`, kind: 'llm', consumer: 'ollama', model: 'qwen3', client: 'key laptop', since: new Date().toISOString(), ...over });
const RUNNING = entry('1', { run_ms: 3000, expected_ms: 9000 });
const WAITING = entry('2', { kind: 'image', consumer: 'comfyui', model: 'sdxl', position: 1, wait_ms: 900, estimated_wait_ms: 60_000, estimated_wait_range_ms: [40_000, 90_000], will_evict: [{ consumer: 'ollama', frees_mib: 5000 }] });

function fleet() {
  return [
    consumer('comfyui', { residency: 'absent', loaded: false, vram_budget_mib: 12_500 }),
    consumer('ollama', { gpu_resident_mib: 5000 }),
    consumer('whisper', { healthy: false, residency: 'unknown', systemd_unit: 'whisper.service', last_error: `GET /health: connect ECONNREFUSED ${EVIL}` }),
  ];
}

async function look(options: Parameters<typeof open>[2] = {}): Promise<void> {
  seen = await open(browser, `${broker.url}/ui`, options);
  ({ page } = seen);
  await page.getByText('● live').waitFor();
}

const textOf = (name: string) => page.getByRole('region', { name, exact: true }).innerText();
const shows = (name: string, text: string) => untilAsked(async () => (await textOf(name)).includes(text));
const sample = (over: Record<string, unknown> = {}) => ({ type: 'sample', total_mib: 16_000, used_mib: 6500, free_mib: 9500, consumers: { ollama: 5000 }, foreign_mib: 700, error: null, ...over });
const unloading = (name: string) => ({ type: 'unloading', consumer: name, for: 'comfyui', request: 'r', reason: 'room', explanation: 'comfyui needs 12756 MiB', expected_mib: 5000 });

looked('the page', () => {
  beforeAll(async () => {
    browser = await startBrowser();
  }, LIMIT_MS);
  afterAll(() => browser.close());
  beforeEach(async () => {
    broker = new FakeWatched();
    broker.adminKey = 'secret-key';
    broker.status = { ...status(fleet()), version: '1.2.3' };
    broker.queue = { running: [RUNNING], waiting: [WAITING], waiting_total: 1, paused: null };
    await broker.start();
  });
  afterEach(async () => {
    await page.context().close();
    await broker.stop();
    expect(seen.complaints).toEqual([]);
  });

  test('shows memory, queue, and health with the error verbatim and the command that helps', async () => {
    await look();
    broker.tell(sample());
    await shows('Card memory', 'foreign 700 MiB');
    const memory = await textOf('Card memory');
    for (const part of ['6.3 GiB of 15.6 GiB in use', 'ollama 4.9 GiB', 'not accounted for 800 MiB', 'Next: comfyui needs 12.2 GiB; 2.9 GiB more than is free; will evict ollama']) expect(memory).toContain(part);
    const queue = await textOf('Queue');
    for (const part of ['of about 9.0 s', 'Waiting for comfyui', '#1', 'sdxl', 'key laptop', 'in about ', 'will evict ollama (4.9 GiB)']) expect(queue).toContain(part);
    const consumers = await textOf('Consumers');
    for (const part of ['✖ down', `ECONNREFUSED ${EVIL}`, 'systemctl --user restart whisper.service']) expect(consumers).toContain(part);
    expect(await page.title()).toBe('(1) ● 1 down – mGPUmanager');
  }, LIMIT_MS);

  test('shows texts from elsewhere as texts', async () => {
    broker.queue = { running: [], waiting: [{ ...WAITING, model: EVIL, client: EVIL, kind: EVIL, estimated_wait_ms: null, estimate: EVIL, will_evict: [{ consumer: EVIL, frees_mib: 1 }] }], waiting_total: 1, paused: null };
    broker.status = status([consumer(EVIL, { healthy: false, last_error: EVIL, url: `http://x/${EVIL}`, systemd_unit: EVIL })], { name: EVIL, err: EVIL });
    await look();
    await page.getByRole('textbox', { name: 'Key' }).fill('secret-key');
    await page.keyboard.press('Enter');
    broker.tell({ ...unloading(EVIL), explanation: EVIL });
    broker.tell({ ...unloading(EVIL), type: 'unloaded', result: 'failed', freed_mib: null, hook_ms: 1, settle_ms: null, error: EVIL });
    broker.tell({ type: 'pause', paused: true, by: EVIL });
    await shows('Loads and evictions', EVIL);
    await untilAsked(async () => {
      broker.log({ message: EVIL, fields: { [EVIL]: EVIL } });
      return (await textOf('Log')).includes(EVIL);
    });
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate('globalThis.evil')).toBeUndefined();
  }, LIMIT_MS);

  test('asks for the queue when a request waits or ends, and says who waits to whoever listens', async () => {
    await look();
    broker.queue = { running: [], waiting: [], waiting_total: 0, paused: null };
    broker.tell({ type: 'request_finished', request: 'r1', kind: 'llm', consumer: 'ollama', model: null, client: null });
    await shows('Queue', 'Nothing: the card is free.');
    expect(await page.locator('.queue [aria-live=polite]').textContent()).toBe('0 running, 0 waiting');
    expect(await page.title()).toBe('● 1 down – mGPUmanager');
  }, LIMIT_MS);

  test('shows a long queue without burying the rest, and lets nobody load what cannot be', async () => {
    broker.status = status([consumer('ollama', { residency: 'absent', loadable: false, gpu_resident_mib: 9 })]);
    broker.queue = { running: [], waiting: Array.from({ length: 500 }, (_, at) => ({ ...WAITING, id: String(at), position: at + 1, consumer: 'ollama', will_evict: [], estimated_wait_ms: 200 })), waiting_total: 500, paused: null };
    await look();
    await shows('Queue', '#500');
    await shows('Queue', 'Nothing at the moment.');
    await shows('Queue', 'any moment now');
    expect(await page.evaluate('document.documentElement.scrollHeight')).toBeLessThan(3000);
    await shows('Consumers', 'absent, leaves 9 MiB, needs 2.0 GiB');
    expect(await page.getByRole('button', { name: 'Load ollama', exact: true }).isDisabled()).toBe(true);
    broker.queue = { running: [], waiting: [{ ...WAITING, admitting: true, consumer: 'ollama' }], waiting_total: 1, paused: null };
    broker.tell({ type: 'request_waiting', request: 'r1', kind: 'llm', consumer: 'ollama', model: null, client: null });
    await shows('Queue', 'Nothing yet: room is being made.');
  }, LIMIT_MS);

  test('says that there is room only where nothing has to go for it', async () => {
    broker.queue = { running: [], waiting: [{ ...WAITING, will_evict: [] }], waiting_total: 1, paused: null };
    await look();
    broker.tell(sample({ used_mib: 1000, free_mib: 15_000 }));
    await shows('Card memory', 'Next: comfyui needs 12.2 GiB; there is room');
    broker.queue = { running: [], waiting: [WAITING], waiting_total: 1, paused: null };
    broker.tell({ type: 'request_waiting', request: 'r2', kind: 'llm', consumer: 'ollama', model: null, client: null });
    await shows('Card memory', 'Next: comfyui needs 12.2 GiB; will evict ollama');
  }, LIMIT_MS);

  test('says that it is cut off, tries again, and shows nothing twice', async () => {
    await look();
    broker.tell(unloading('ollama'));
    broker.tell({ ...unloading('ollama'), type: 'unloaded', result: 'freed', freed_mib: 4990, hook_ms: 100, settle_ms: 900, error: null });
    await shows('Loads and evictions', 'expected 5000 MiB, freed 4990 MiB, took 1.0 s');
    await broker.stop();
    await page.getByText('Disconnected.').waitFor();
    expect(await page.title()).toBe('(1) ○ lost – mGPUmanager');
    await broker.start();
    await page.getByText('● live').waitFor();
    await page.getByText('Disconnected.').waitFor({ state: 'detached' });
    expect(broker.arrivals).toEqual([null, 'first-2']);
    broker.reset();
    broker.tell({ type: 'loading', consumer: 'comfyui', request: 'r' });
    await shows('Loads and evictions', 'comfyui is being loaded');
    expect(await page.getByRole('listitem').filter({ hasText: 'was unloaded for comfyui' }).count()).toBe(1);
    broker.boot = 'second';
    broker.events = [];
    broker.reset();
    await shows('Loads and evictions', 'the broker was started again');
    expect(await page.getByRole('listitem').filter({ hasText: 'was unloaded for comfyui' }).count()).toBe(1);
  }, LIMIT_MS);

  test('orders with the key that was typed in, which only this tab keeps; without one it shows what the broker says', async () => {
    await look();
    await page.getByRole('button', { name: 'Cancel image sdxl at comfyui of key laptop' }).click();
    await page.getByRole('alert').getByText('this needs the scope admin: type in a key that has it at the top of this page').waitFor();
    expect(await textOf('Log')).toContain('The log is not shown: this needs the scope admin');
    await page.getByRole('textbox', { name: 'Key' }).fill('wrong-key');
    await page.keyboard.press('Enter');
    await page.getByRole('banner').getByText('✖ this needs the scope admin').waitFor();
    await page.getByRole('button', { name: 'Forget key' }).click();
    await page.getByRole('textbox', { name: 'Key' }).fill('secret-key');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Forget key' }).waitFor();
    await page.getByRole('button', { name: 'Cancel image' }).click();
    await page.getByText('Cancelled: image sdxl').waitFor();
    await page.getByRole('button', { name: 'Load comfyui', exact: true }).click();
    await page.getByText('comfyui: loaded.').waitFor();
    await page.getByRole('button', { name: 'Unload ollama' }).click();
    await page.getByText('ollama: unloaded.').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused: running work ends').waitFor();
    expect(broker.orders).toEqual([
      { method: 'DELETE', path: '/v1/queue/2', key: null },
      { method: 'DELETE', path: '/v1/queue/2', key: 'secret-key' },
      { method: 'POST', path: '/v1/consumers/comfyui/load', key: 'secret-key' },
      { method: 'POST', path: '/v1/consumers/ollama/unload', key: 'secret-key' },
      { method: 'POST', path: '/v1/pause', key: 'secret-key' },
    ]);
    expect(await page.evaluate('[Object.values(sessionStorage), localStorage.length, document.cookie]')).toEqual([['secret-key'], 0, '']);
    expect(await page.content()).not.toContain('secret-key');
    await page.reload();
    await page.getByRole('button', { name: 'Forget key' }).click();
    await page.getByRole('textbox', { name: 'Key' }).waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  }, LIMIT_MS);

  test('shows the log as it is written, filtered by expression and level', async () => {
    await look();
    await page.getByRole('textbox', { name: 'Key' }).fill('secret-key');
    await page.keyboard.press('Enter');
    await untilAsked(async () => {
      broker.log({ message: 'first line' });
      return (await textOf('Log')).includes('first line');
    });
    broker.log({ message: 'a probe', level: 'debug' });
    broker.log({ message: 'unload failed', level: 'warn', fields: { consumer: 'ollama' } });
    await shows('Log', 'unload failed consumer=ollama');
    expect(await textOf('Log')).not.toContain('a probe');
    await page.getByRole('combobox', { name: 'Level' }).selectOption('debug');
    await shows('Log', 'a probe');
    await page.getByRole('searchbox', { name: 'Filter' }).fill('UNLOAD|probe');
    await untilAsked(async () => !(await textOf('Log')).includes('first line'));
    await page.getByRole('searchbox', { name: 'Filter' }).fill('(');
    await shows('Log', 'this is no regular expression');
  }, LIMIT_MS);

  test('keeps up with a thousand lines a second', async () => {
    await look();
    await page.getByRole('textbox', { name: 'Key' }).fill('secret-key');
    await page.keyboard.press('Enter');
    await untilAsked(async () => {
      broker.log({ message: 'first line' });
      return (await textOf('Log')).includes('first line');
    });
    for (let line = 0; line < 3000; line += 1) broker.log({ message: `line ${line} of many` });
    await shows('Log', 'line 2999 of many');
    await shows('Log', '2000 of 2000 lines');
    expect(await page.locator('.lines p').count()).toBe(400);
  }, LIMIT_MS);

  test('draws the last day where there is a history, and says so where there is none', async () => {
    await look();
    await shows('Card memory over time', 'the broker keeps no history');
    await page.context().close();
    const now = Date.now();
    broker.history = Array.from({ length: 1440 }, (_, index) => ({ time: new Date(now - index * 60_000).toISOString(), total_mib: 16_000, used_mib: 5000, free_mib: 11_000, foreign_mib: 0, consumers: { ollama: 5000 } }));
    await look();
    await untilAsked(async () => !(await textOf('Card memory over time')).includes('keeps no history'));
    await page.getByRole('button', { name: '24 h' }).click();
    await untilAsked(async () => (await page.evaluate('isDrawn(document.querySelector(".plot canvas"))'.replace('isDrawn', IS_DRAWN))) === true);
  }, LIMIT_MS);

  test.each([['light', 1280], ['dark', 1280], ['light', 360], ['dark', 360]] as const)('has no fault that axe finds, and nothing to scroll sideways for: %s, %i px', async (colorScheme, width) => {
    await look({ colorScheme, viewport: { width, height: 800 } });
    broker.tell(sample());
    broker.tell(unloading('ollama'));
    broker.tell({ type: 'pause', paused: true, by: 'anna' });
    await page.getByText('Paused by anna').waitFor();
    await page.getByRole('button', { name: 'Cancel image' }).click();
    await page.getByRole('alert').getByText('scope admin').waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.keyboard.press('Tab');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    expect(await faultsOf(page)).toEqual([]);
  }, LIMIT_MS);

  test('can be used with the keyboard alone, and shows where one is', async () => {
    broker.adminKey = null;
    await look();
    const reached: string[] = [];
    for (let step = 0; step < 40 && reached.at(-1) !== 'scroll lines'; step += 1) {
      await page.keyboard.press('Tab');
      const [name, outline] = await page.evaluate<[string, string]>(FOCUSED);
      expect([name, outline]).toEqual([name, 'solid 3px']);
      reached.push(name);
    }
    for (const name of ['Pause', 'key', 'Use', 'Help ?', 'Cancel image sdxl at comfyui of key laptop', 'Load comfyui', 'Unload ollama', '24 h', 'log-filter', 'scroll lines']) expect(reached).toContain(name);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('/');
    await page.keyboard.type('p?/');
    expect(await page.getByRole('searchbox', { name: 'Filter' }).inputValue()).toBe('p?/');
    await page.keyboard.press('Tab');
    await page.keyboard.press('p');
    expect(await page.getByRole('button', { name: 'Hold p' }).getAttribute('aria-pressed')).toBe('false');
    await page.keyboard.press('Tab');
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'Run on p' }).waitFor();
  }, LIMIT_MS);

  test('does not try again what only another key would help, and says so', async () => {
    await look();
    await page.route('**/v1/events', (route) => route.fulfill({ status: 401, json: { error: 'unauthorized', message: 'this needs the scope read' } }));
    await page.reload();
    await page.getByText('The broker does not let this page look: this needs the scope read').waitFor();
    expect(await page.title()).toBe('○ no access – mGPUmanager');
  }, LIMIT_MS);
});

/** Whether a canvas shows more than one colour across its middle. */
const IS_DRAWN = `((canvas) => {
  const line = canvas.getContext('2d').getImageData(0, Math.round(canvas.height * 0.7), canvas.width, 1).data;
  let coloured = 0;
  for (let at = 0; at < line.length; at += 4) coloured += line[at + 3] > 0 && line[at] !== line[at + 1] ? 1 : 0;
  return coloured > canvas.width / 2;
})`;

/** Name and outline of what has the focus. */
const FOCUSED = `(() => {
  const it = document.activeElement;
  const style = getComputedStyle(it);
  const name = it.getAttribute('aria-label') ?? (it.id || it.getAttribute('name') || it.textContent.trim().slice(0, 60));
  return [it.className.startsWith('scroll lines') ? 'scroll lines' : name, style.outlineStyle + ' ' + style.outlineWidth];
})()`;
