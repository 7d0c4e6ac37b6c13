import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../lib/logging.ts';
import type { LogTarget } from '../../lib/logging.ts';
import { until } from '../support/until.ts';

type Mode = 'fine' | 'throws' | 'errors' | 'stuck';

/** A target that keeps what it is given, or does not. */
class FakeTarget extends Writable implements LogTarget {
  readonly isTTY: boolean;
  text = '';
  mode: Mode = 'fine';
  #release: (() => void) | null = null;

  constructor({ isTTY = false }: { readonly isTTY?: boolean } = {}) {
    // A stream that is destroyed by its first error would take no second line; stdout is not.
    super({ decodeStrings: false, autoDestroy: false });
    this.isTTY = isTTY;
  }

  override write(text: unknown): boolean {
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

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }

  get objects(): readonly Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line));
  }
}

const DROPPED = { level: 'warn', message: 'log lines were dropped' };

describe('a log to a file', () => {
  test('is one JSON object a line, with time, level, message and fields', () => {
    const target = new FakeTarget();
    createLogger(target, 'info').info('exchange', { id: 'a', status: 200, nothing: null, list: [1, 2] });
    expect(target.objects).toEqual([
      { timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/), level: 'info', message: 'exchange', id: 'a', status: 200, nothing: null, list: [1, 2] },
    ]);
  });

  test('keeps a line whole, whatever is in it', () => {
    const target = new FakeTarget();
    const odd = 'a\nb\r\u2028{"level":"error"}\u001b[2J\u009b\0"\\\ud800 é';
    createLogger(target, 'info').warn(odd, { path: odd, [odd]: odd });
    expect(target.lines).toHaveLength(1);
    expect(target.objects[0]).toMatchObject({ level: 'warn' });
    expect(target.text.trimEnd()).not.toMatch(/[\0-\x1f]/);
  });

  test('holds the levels that were asked for, also after a change', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'warn');
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level](`first ${level}`);
    logger.setLevel('debug');
    for (const level of ['debug', 'info'] as const) logger[level](`second ${level}`);
    logger.setLevel('error');
    logger.warn('third');
    expect(target.objects.map(({ message }) => message)).toEqual(['first warn', 'first error', 'second debug', 'second info']);
  });

  test('keeps level, message and time, though a field has their name', () => {
    const target = new FakeTarget();
    createLogger(target, 'info').info('true', { message: 'forged', level: 'error', timestamp: 'never' });
    expect(target.objects[0]).toMatchObject({ level: 'info', timestamp: expect.stringMatching(/^\d{4}-/) });
    expect(target.objects[0]?.['message']).toBe('true');
  });

  test('survives fields that cannot be written as JSON', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(() => logger.info('loop', { loop, big: 1n, error: new Error('inner') })).not.toThrow();
    logger.info('after');
    expect(target.objects.at(-1)).toMatchObject({ message: 'after' });
  });
});

describe('a log to a terminal', () => {
  const shown = (log: (logger: ReturnType<typeof createLogger>) => void): string => {
    const target = new FakeTarget({ isTTY: true });
    log(createLogger(target, 'info'));
    return stripVTControlCharacters(target.text);
  };

  test('is readable: time, level, message, fields', () => {
    const line = shown((logger) => logger.info('exchange', { id: 'a.1', path: '/v1/tts', status: 200, ms: 1.5, none: null, unset: undefined, text: 'two words', list: ['x'] }));
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}exchange id=a\.1 path=\/v1\/tts status=200 ms=1\.5 text="two words" list=\["x"\]\n$/);
  });

  test.each(['\u001b[2J', '\u001b]0;title\u0007', '\u009b31m', '\u0090x\u009c', 'a\nb', 'a\rb', 'a\bb', '\u007f', '\u202e', '\u0000'])(
    'lets it obey nothing that came from outside: %j',
    (odd) => {
      const target = new FakeTarget({ isTTY: true });
      createLogger(target, 'info').info(`message ${odd}`, { field: odd, nested: { value: odd }, [`key${odd}`]: 1 });
      // The only sequences are the colours, which we set.
      expect(target.text.replaceAll(/\u001b\[\d+m/g, '').trimEnd()).toMatch(/^[\x20-\x7e]+$/);
      expect(target.text.split('\n')).toHaveLength(2);
    },
  );
});

describe('a target that', () => {
  test('throws costs its lines, which are counted and told when it is well again', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'throws';
    for (let index = 0; index < 3; index += 1) expect(() => logger.info(`lost ${index}`)).not.toThrow();
    target.heal();
    logger.info('back');
    logger.info('later');
    expect(target.objects).toMatchObject([{ message: 'back' }, { ...DROPPED, lines: 3 }, { message: 'later' }]);
  });

  test('fails with an error event, as a full disk does, costs its lines and nothing else', () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'errors';
    for (let index = 0; index < 2; index += 1) expect(() => logger.error('lost')).not.toThrow();
    target.heal();
    logger.info('back');
    expect(target.objects).toMatchObject([{ message: 'back' }, { ...DROPPED, lines: 2 }]);
  });

  test('takes nothing costs its lines once 1 MiB waits, and no more memory than that', async () => {
    const target = new FakeTarget();
    const logger = createLogger(target, 'info');
    target.mode = 'stuck';
    const sent = 3000;
    for (let index = 0; index < sent; index += 1) logger.info('x'.repeat(1000));
    expect(target.writableLength).toBeLessThan(1024 * 1024 + 2000);
    target.heal();
    await until(() => target.writableLength === 0);
    const kept = target.lines.length;
    expect(kept).toBeGreaterThan(900);
    logger.info('back');
    expect(target.objects.slice(-2)).toMatchObject([{ message: 'back' }, { ...DROPPED, lines: sent - kept }]);
  });

  test('is a terminal is told of dropped lines in a readable way', () => {
    const target = new FakeTarget({ isTTY: true });
    const logger = createLogger(target, 'info');
    target.mode = 'throws';
    logger.info('lost');
    target.heal();
    logger.info('back');
    expect(stripVTControlCharacters(target.text)).toMatch(/back \n\d\d:\d\d:\d\d\.\d{3} warn {2}log lines were dropped lines=1\n$/);
  });
});

describe('/dev/full', () => {
  test('is what the second of these fakes stands for', () => {
    const full = openSync('/dev/full', 'w');
    expect(() => writeSync(full, 'x')).toThrow(/ENOSPC/);
    closeSync(full);
  });
});
