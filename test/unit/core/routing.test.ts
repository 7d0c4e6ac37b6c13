import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../lib/config/types.ts';
import { audioConsumer, routeOfKind } from '../../../lib/core/routing.ts';
import { configured } from '../../support/configured.ts';

const CONSUMERS = {
  mvoice: { paths: { tts: { path: '/api/synthesize' }, stt: { method: 'PUT', path: '/api/transcribe' } } },
  ollama: { paths: { llm: { path: '/api/generate' } } },
};

test('a kind goes to the consumer that is routed for it, at its path and with its method', () => {
  const config = configured({ consumers: CONSUMERS, routing: { tts: 'mvoice', stt: 'mvoice' } });
  expect(routeOfKind(config, 'tts')).toMatchObject({ type: 'found', consumer: { name: 'mvoice' }, target: { method: 'POST', path: '/api/synthesize' } });
  expect(routeOfKind(config, 'stt')).toMatchObject({ type: 'found', target: { method: 'PUT', path: '/api/transcribe' } });
});

describe('a kind goes nowhere', () => {
  test('when nothing is routed for it', () => {
    const config = configured({ consumers: CONSUMERS });
    for (const kind of KINDS) expect(routeOfKind(config, kind)).toEqual({ type: 'unrouted' });
  });
  test('when its consumer has no path for it, though another one has', () => {
    const config = configured({ consumers: CONSUMERS, routing: { llm: 'mvoice' } });
    expect(routeOfKind(config, 'llm')).toMatchObject({ type: 'no_path', consumer: { name: 'mvoice' } });
  });
});

test('audio is served by the consumer that is named for it, or by nobody', () => {
  expect(audioConsumer(configured({ consumers: CONSUMERS, audio_proxy: 'mvoice' }))?.name).toBe('mvoice');
  expect(audioConsumer(configured({ consumers: CONSUMERS }))).toBeNull();
});
