import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../../lib/logging.ts';
import type { LogTarget } from '../../lib/logging.ts';
import { nodeProcess } from '../support/node-process.ts';
import { until } from '../support/until.ts';

type Mode = 'fine' | 'throws' | 'errors' | 'stuck';

/** A target that keeps what it is given, or does not. */
class FakeTarget extends Writable implements LogTarget {
  readonly isTTY: boolean;
  text = '';
  calls = 0;
  mode: Mode = 'fine';
  #release: (() => void) | null = null;

  constructor({ isTTY = false }: { readonly isTTY?: boolean } = {}) {
    // A stream that is destroyed by its first error would take no second line; stdout is not.
    super({ decodeStrings: false, autoDestroy: false });
    this.isTTY = isTTY;
  }

  override write(text: unknown): boolean {
    this.calls += 1;
    if (this.mode === 'throws') throw new Error('EAGAIN');
    if (this.mode === 'errors') {
      this.emit('error', Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
      return false;
    }
    return super.write(text);
  }

  override _write(text: string, _encoding: BufferEncoding, done: () => void): void {
    this.text += text;
    if (this.mode === 'stuck') this.#release = done;
    else done();
  }

  /** Takes lines again. */
  heal(): void {
    this.mode = 'fine';
    this.#release?.();
    this.#release = null;
  }

  /** Resolves when so many lines have come; those of a turn are written after it. */
  async wrote(count: number): Promise<void> {
    await until(() => this.lines.length >= count);
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }

  get objects(): readonly Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line));
  }
}

const DROPPED = { level: 'warn', message: 'log lines were dropped', timestamp: expect.any(String) };

// Each logger flushes when the process exits.
beforeAll(() => {
  process.setMaxListeners(0);
});

describe('a log to a file', () => {
  test('is one JSON object a line, with time, level, message and fields', async () => {
    const target = new FakeTarget();
    createLogger(target, 'info').info('exchange', { id: 'a', status: 200, nothing: null, list: [1, 2] });
    await target.wrote(1);
    expect(target.objects).toEqual([
      { timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/), level: 'info', message: 'exchange', id: 'a', status: 200, nothing: null, list: [1, 2] },
    ]);
  });

  test('keeps a line whole, whatever is in it, and the value as it was', () => {
    const target = new FakeTarget();
    const odd = 'a\nb\r\u2028{"level":"error"}\u001b[2J\u009b\u007f\u202e\u0000"\\\ud800 é';
    createLogger(target, 'info').warn(odd, { path: odd, [odd]: odd });
    expect(target.lines).toHaveLength(1);
    expect(target.objects[0]).toMatchObject({ level: 'warn', message: odd, path: odd, [odd]: odd });
    expect(target.lines[0]).toMatch(/^[\x20-\x7eé]+$/);
  });

  test('holds the levels that were asked for, also after a change', async () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'warn');
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level](`first ${level}`);
    await target.wrote(2);
    logger.setLevel('debug');
    for (const level of ['debug', 'info'] as const) logger[level](`second ${level}`);
    await target.wrote(4);
    logger.setLevel('error');
    logger.warn('third');
    logger.error('last');
    expect(target.objects.map(({ message }) => message)).toEqual(['first warn', 'first error', 'second debug', 'second info', 'last']);
  });

  test('keeps the order of its lines, though a warning is written at once', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    logger.info('one');
    logger.info('two');
    logger.warn('three');
    expect(target.objects.map(({ message }) => message)).toEqual(['one', 'two', 'three']);
  });

  test('writes the lines of a moment in one call', async () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    // winston begins to flow one turn after it was made.
    await nextTurn();
    for (let index = 0; index < 5; index += 1) logger.info('one of many');
    expect(target.calls).toBe(0);
    await target.wrote(5);
    expect(target.calls).toBe(1);
  });

  test('loses no line when the process exits', async () => {
    const path = new URL('../../lib/logging.ts', import.meta.url).href;
    const child = await nodeProcess(`
      const { createLogger } = await import('${path}');
      const logger = createLogger(process.stdout, 'info');
      setTimeout(() => { logger.info('last words'); process.exit(7); }, 10);
    `);
    expect(await child.line()).toContain('"message":"last words"');
    expect(await child.exited).toBe(7);
  });

  test('survives fields that cannot be written as JSON', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(() => logger.info('loop', { loop, big: 1n, error: new Error('inner') })).not.toThrow();
    logger.warn('after');
    expect(target.objects.map(({ message }) => message)).toEqual(['loop', 'after']);
  });
});

describe('a log to a terminal', () => {
  test('is readable: time, level, message, fields', () => {
    const target = new FakeTarget({ isTTY: true });
    createLogger(target, 'info').warn('exchange', { id: 'a.1', path: '/v1/tts', status: 200, ms: 1.5, none: null, unset: undefined, text: 'two wörds', list: ['x'] });
    expect(stripVTControlCharacters(target.text)).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}exchange id=a\.1 path=\/v1\/tts status=200 ms=1\.5 text="two wörds" list=\["x"\]\n$/,
    );
  });

  test.each(['\u001b[2J', '\u001b]0;title\u0007', '\u009b31m', '\u0090x\u009c', 'a\nb', 'a\rb', 'a\bb', '\u007f', '\u202e', '\u0000', '\u{e0001}'])(
    'obeys nothing that came from outside: %j',
    (odd) => {
      const target = new FakeTarget({ isTTY: true });
      createLogger(target, 'info').warn(`message ${odd}`, { field: odd, nested: { value: odd }, [`key${odd}`]: 1 });
      // The only sequences are the colours, which we set.
      expect(withoutColours(target.text).trimEnd()).toMatch(/^[\x20-\x7e]+$/);
      expect(target.text.split('\n')).toHaveLength(2);
    },
  );
});

/** Less than `stripVTControlCharacters` takes away. */
function withoutColours(text: string): string {
  return text.split(/\u001b\[\d+m/).join('');
}

describe('a target that', () => {
  test('throws costs its lines, which are counted and told when it is well again', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'throws';
    for (let index = 0; index < 3; index += 1) expect(() => logger.warn(`lost ${index}`)).not.toThrow();
    target.heal();
    logger.warn('back');
    logger.warn('later');
    expect(target.objects).toMatchObject([{ ...DROPPED, lines: 3 }, { message: 'back' }, { message: 'later' }]);
  });

  test('fails with an error event, as a full disk does, costs its lines and nothing else', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'errors';
    for (let index = 0; index < 3; index += 1) expect(() => logger.error('lost')).not.toThrow();
    target.heal();
    logger.error('back');
    expect(target.objects).toMatchObject([{ ...DROPPED, lines: 3 }, { message: 'back' }]);
  });

  test('loses a whole turn counts every line of it', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'throws';
    for (let index = 0; index < 5; index += 1) logger.info(`lost ${index}`);
    logger.warn('and this');
    target.heal();
    logger.warn('back');
    expect(target.objects).toMatchObject([{ ...DROPPED, lines: 6 }, { message: 'back' }]);
  });

  test('takes nothing costs its lines once 1 MiB waits, and no more memory than that', async () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'stuck';
    const sent = 3000;
    for (let index = 0; index < sent; index += 1) logger.warn('x'.repeat(1000));
    expect(target.writableLength).toBeLessThan(1024 * 1024 + 2000);
    target.heal();
    await until(() => target.writableLength === 0);
    const kept = target.lines.length;
    expect(kept).toBeGreaterThan(900);
    logger.warn('back');
    expect(target.objects.slice(-2)).toMatchObject([{ ...DROPPED, lines: sent - kept }, { message: 'back' }]);
  });
});
