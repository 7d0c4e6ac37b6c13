import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { LineSink, createLogger } from '../../lib/logging.ts';
import type { LogTarget } from '../../lib/logging.ts';
import { nodeProcess } from '../support/node-process.ts';

/** A target that remembers what was written, one entry for each call. */
class Target extends EventEmitter implements LogTarget {
  readonly written: string[] = [];
  writableLength = 0;

  write(text: string): boolean {
    this.written.push(text);
    return true;
  }

  get messages(): unknown[] {
    return this.written.join('').trimEnd().split('\n').map((line) => (JSON.parse(line) as { message: unknown }).message);
  }
}

describe('the logger', () => {
  test('writes the lines of one turn in order, in one call, when the turn is over', async () => {
    const target = new Target();
    const logger = createLogger(target, 'info');
    // winston begins to flow one turn after it was made.
    await nextTurn();
    logger.info('first', { consumer: 'mvoice' });
    logger.info('second');
    expect(target.written).toEqual([]);
    await nextTurn();
    expect(target.written).toHaveLength(1);
    expect(target.messages).toEqual(['first', 'second']);
    expect(JSON.parse(target.written[0]?.split('\n')[0] ?? '')).toMatchObject({ level: 'info', message: 'first', consumer: 'mvoice' });
  });

  test('writes a warning at once, after what came before it', async () => {
    const target = new Target();
    const logger = createLogger(target, 'info');
    await nextTurn();
    logger.info('before');
    logger.warn('warning');
    expect(target.messages).toEqual(['before', 'warning']);
    logger.info('after');
    await nextTurn();
    expect(target.messages).toEqual(['before', 'warning', 'after']);
  });

  test('writes what is above its level only, also after the level was changed', async () => {
    const target = new Target();
    const logger = createLogger(target, 'info');
    await nextTurn();
    logger.debug('hidden');
    logger.setLevel('debug');
    logger.debug('shown');
    logger.setLevel('error');
    logger.warn('hidden');
    await nextTurn();
    expect(target.messages).toEqual(['shown']);
  });

  test('keeps a line whose fields cannot be written', async () => {
    const target = new Target();
    const logger = createLogger(target, 'info');
    await nextTurn();
    logger.info('large', { count: 1n });
    await nextTurn();
    expect(target.messages).toEqual(['large']);
  });

  test('loses no line at the exit of the process', async () => {
    const path = new URL('../../lib/logging.ts', import.meta.url).href;
    const child = await nodeProcess(`
      const { createLogger } = await import('${path}');
      const logger = createLogger(process.stdout, 'info');
      setTimeout(() => { logger.info('last words'); process.exit(7); }, 10);
    `);
    expect(await child.line()).toContain('"message":"last words"');
    expect(await child.exited).toBe(7);
  });
});

describe('the line sink', () => {
  test('counts the lines that a full target does not take, and says so when it takes some again', () => {
    const target = new Target();
    const sink = new LineSink(target);
    target.writableLength = 2 * 1024 * 1024;
    sink.write('a\n');
    sink.cork();
    sink.write('b\n');
    sink.write('c\n');
    sink.uncork();
    expect(sink.dropped).toBe(3);
    target.writableLength = 0;
    sink.write('d\n');
    expect(target.written).toEqual(['d\n{"level":"warn","message":"log lines were dropped","lines":3}\n']);
  });
});
