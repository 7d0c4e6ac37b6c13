import { describe, expect, test } from '@jest/globals';
import { NO_PICTURE, withSnapshot, type Picture } from '../../../lib/cli/top-picture.ts';
import { renderTop, type Frame } from '../../../lib/cli/top-view.ts';
import { cells } from '../../../lib/cli/width.ts';
import { STATUS, QUEUE, snapshotOf, UNLOADED } from '../../support/seen-queue.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const FRAME: Frame = { width: 80, height: 24, ascii: false, color: false, now: NOW, url: 'http://127.0.0.1:8770', isHeld: false, showsHelp: false };
const picture = withSnapshot(NO_PICTURE, snapshotOf('b'), NOW);
const render = (over: Partial<Frame> = {}, of: Picture = picture): string => renderTop(of, { ...FRAME, ...over }).join('\n');

describe('the picture', () => {
  test('fits a terminal of 80 columns and 24 lines, and says all that matters', () => {
    const lines = renderTop(picture, FRAME);
    expect(lines.length).toBeLessThanOrEqual(24);
    for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(80);
    const text = lines.join('\n');
    expect(text).toMatch(/^mGPUmanager 0\.1\.0 at http:\/\/127\.0\.0\.1:8770 +live {2}\d\d:00:00$/m);
    expect(text).toContain('Simulated RTX: 13.0 GiB used of 16.0 GiB, 3.0 GiB free');
    expect(text).toContain('7  llm  qwen3:14b  ollama  21 s of about 34 s  key laptop');
    expect(text).toMatch(/^ {2}1 {2}8 {2}image {2}comfyui {2}~13 s \(10–20 s\) {2}waits 12 s {2}evicts ollama 9\.8 GiB$/m);
    expect(text).toMatch(/^ {2}2 {2}9 {2}tts {4}mvoice {3}no estimate yet {2}waits 4 s {3}waits for other work of co…$/m);
    expect(text).toContain('WAITING 5');
    expect(text).toContain('… 3 more');
    expect(text).toContain('comfyui  UNHEALTHY: GET /prompt: connect ECONNREFUSED');
    expect(text).toMatch(/try: start it/);
    expect(text).toMatch(/comfyui for ollama: freed 9\.5 GiB in 1\.2 s; ollama needs/);
    expect(lines.at(-1)).toBe('q quit   p hold   h help');
  });

  test.each([[200, 60], [80, 24], [40, 12], [20, 5], [10, 2], [1, 1]])('never is larger than %d × %d', (width, height) => {
    for (const ascii of [true, false]) {
      const lines = renderTop(picture, { ...FRAME, width, height, ascii });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(Math.max(2, width));
    }
  });

  test('has only ASCII where it is to', () => {
    const odd = withSnapshot(NO_PICTURE, { ...snapshotOf('b'), queue: { ...QUEUE, running: [{ ...QUEUE.running[0], model: 'モデル…' }] } }, NOW);
    expect(render({ ascii: true, width: 100 }, odd)).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test('lets time go on between two looks', () => {
    expect(render({ now: new Date(NOW.getTime() + 5000) })).toContain('26 s of about 34 s');
  });

  test('says on a small terminal, too, when it is whose turn, and counts down', () => {
    expect(render({ width: 40 })).toMatch(/^ {2}1 {2}8 {2}comfyui {2}~13 s \(10–20 s\)/m);
    expect(render({ now: new Date(NOW.getTime() + 5000) })).toContain('~8 s (5–15 s)');
    expect(render({ now: new Date(NOW.getTime() + 12_500) })).toContain('any moment');
    const admitted = withSnapshot(NO_PICTURE, { ...snapshotOf('b'), queue: { ...QUEUE, waiting: [{ ...QUEUE.waiting[0], admitting: true }] } }, NOW);
    expect(render({ width: 160 }, admitted)).toContain('text-to-image  comfyui  room is being made  waits 12 s  user anna  evicts ollama');
  });

  test('shows the help instead, and that it is held', () => {
    expect(render({ showsHelp: true })).toContain('q      quit');
    expect(render({ isHeld: true })).toContain('HELD');
  });

  test('says that the daemon is gone, and keeps what was known', () => {
    const text = render({}, { ...picture, link: { state: 'lost', message: 'no answer from there: connection refused' } });
    expect(text).toContain('NOT CONNECTED');
    expect(text).toContain('connection refused; trying again');
    expect(text).toContain('RUNNING 1');
  });

  test('of a daemon without a queue has its numbers', () => {
    expect(render({}, { ...picture, queue: null })).toContain('5; this daemon does not list them');
  });

  test('says that work is refused', () => {
    const paused = withSnapshot(NO_PICTURE, { ...snapshotOf('b'), queue: { ...QUEUE, paused: { since: null, by: 'anna' } }, status: { ...STATUS, draining: true } }, NOW);
    expect(render({}, paused)).toContain('Paused since - by anna; `mgpumanager resume` ends it.');
    expect(render({}, paused)).toContain('shutting down');
  });

  test('has colour only where it is wanted', () => {
    expect(render({ color: true })).toContain('\u001b[31m');
    expect(render()).not.toContain('\u001b');
  });

  test('puts the newest eviction first', () => {
    const second = { ...UNLOADED, id: 4, consumer: 'mvoice', result: 'failed', error: 'HTTP 500' };
    const text = render({}, withSnapshot(NO_PICTURE, snapshotOf('b', [UNLOADED, second]), NOW));
    expect(text.indexOf('mvoice for ollama: failed: HTTP 500')).toBeGreaterThan(0);
    expect(text.indexOf('mvoice for ollama')).toBeLessThan(text.indexOf('comfyui for ollama'));
  });

  test('of nothing at all is a picture, too', () => {
    expect(render({}, NO_PICTURE)).toContain('RUNNING 0');
  });
});
