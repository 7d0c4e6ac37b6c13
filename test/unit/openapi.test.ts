import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from '@jest/globals';
import { EVENT_FIELDS, EVENT_TYPES } from '../../lib/core/event-types.ts';
import type { BrokerEvent, EventType } from '../../lib/core/events.ts';
import { HISTORY_TABLES } from '../../lib/core/history-tables.ts';
import { scopeNeeded } from '../../lib/core/scopes.ts';
import { ERRORS } from '../../lib/errors.ts';
import { ANYWHERE, codesIn, DESCRIBED, DOCUMENT, faultsBySchema, statusesOf } from '../support/openapi.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TEXT = readFileSync(join(ROOT, 'schemas', 'openapi.json'), 'utf8');

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const document: Record<string, unknown> = JSON.parse(TEXT);
  expect([await validator.validate(document), validator.version]).toEqual([{ valid: true }, '3.1']);
});

test('it has the version of the package', () => {
  const { version }: { version: unknown } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(DOCUMENT.info.version).toBe(version);
});

test('every reference leads somewhere, and no component lies unused', () => {
  const referred = new Set(Array.from(TEXT.matchAll(/"#\/components\/(\w+\/[\w-]+)"/g), ([, name = '']) => name));
  const there = Object.entries(DOCUMENT.components).flatMap(([group, members]) => Object.keys(members).map((name) => `${group}/${name}`));
  expect([...referred].toSorted()).toEqual(there.filter((name) => !name.startsWith('securitySchemes/')).toSorted());
});

test('no two operations have the same name', () => {
  expect(new Set(DESCRIBED.map(({ operationId }) => operationId)).size).toBe(DESCRIBED.length);
});

describe('the errors are', () => {
  test('those of the catalogue, all of them and no others', () => {
    const codes = new Set<string>(Object.values(ERRORS).map(({ error }) => error));
    expect(DOCUMENT.components['schemas']?.['ErrorCode']?.['enum']).toEqual(expect.arrayContaining([...codes]));
    expect(DOCUMENT.components['schemas']?.['ErrorCode']?.['enum']).toHaveLength(codes.size);
  });

  test('at each route under a status that they have', () => {
    const odd = DESCRIBED.flatMap(({ operationId, responses }) => {
      const named = Object.entries(responses).filter(([status]) => /^[45]/.test(status)).flatMap(([status, response]) => codesIn(response).map((code) => ({ code, status: Number(status) })));
      return named.filter(({ code, status }) => !statusesOf(code).includes(status)).map(({ code, status }) => `${operationId}: ${status} ${code}`);
    });
    expect(odd).toEqual([]);
  });

  test('each possible somewhere, but for what no described operation can be told', () => {
    const told = new Set([...ANYWHERE, ...DESCRIBED.flatMap(({ responses }) => Object.values(responses).flatMap(codesIn))]);
    const never = Object.values(ERRORS).filter(({ error }) => !told.has(error)).map(({ error }) => error);
    expect(never).toEqual(['method_not_allowed']);
  });
});

test('each operation has the scope that it needs', () => {
  const needed = DESCRIBED.map(({ method, path }) => scopeNeeded({ method, path, isOwnPort: false, hasLeaseToken: true }) ?? 'none');
  expect(DESCRIBED.map(({ method, path, 'x-scope': scope }) => [method, path, scope])).toEqual(DESCRIBED.map(({ method, path }, index) => [method, path, needed[index]]));
});

const AT = { id: 1, time: '2026-05-04T10:11:12.131Z' } as const;
const REQUEST = { request: 'r', kind: 'tts', consumer: 'mvoice', model: 'm', client: 'peer 127.0.0.1' } as const;
const UNLOADING = { consumer: 'ollama', for: 'comfyui', request: 'r', reason: 'room', explanation: 'x', expected_mib: 9.5 } as const;
const CHANGE = { consumer: 'ollama', from: 'absent', to: 'resident', reason: 'self' } as const;
/** One of each type; the compiler holds these against `lib/core/events.ts`. */
const EXAMPLES: { readonly [T in EventType]: Extract<BrokerEvent, { type: T }> } = {
  request_waiting: { type: 'request_waiting', ...REQUEST, ...AT },
  request_granted: { type: 'request_granted', ...REQUEST, queue_ms: 0.5, evict_ms: 1, load_ms: 2, ...AT },
  request_finished: {
    type: 'request_finished', ...REQUEST, method: 'POST', path: '/v1/tts', status: 503, error: 'queue_timeout', cut: 'client left',
    queue_ms: 1, evict_ms: 1, load_ms: 1, upstream_ms: 1, total_ms: 1, bytes_in: 1, bytes_out: 1, ...AT,
  },
  request_released: { type: 'request_released', ...REQUEST, run_ms: 0.5, ...AT },
  unloading: { type: 'unloading', ...UNLOADING, ...AT },
  unloaded: { type: 'unloaded', ...UNLOADING, result: 'freed', freed_mib: 1, hook_ms: 1, settle_ms: 1, error: 'x', ...AT },
  loading: { type: 'loading', consumer: 'ollama', request: 'r', ...AT },
  loaded: { type: 'loaded', consumer: 'ollama', request: 'r', result: 'failed', load_ms: 1, error: 'x', ...AT },
  residency: { type: 'residency', ...CHANGE, ...AT },
  health: { type: 'health', ...CHANGE, ...AT },
  config: { type: 'config', result: 'refused', problem: 'x', ...AT },
  pause: { type: 'pause', paused: true, by: 'martin', ...AT },
  sample: { type: 'sample', total_mib: 1, used_mib: 1, free_mib: 1, consumers: { ollama: 1 }, foreign_mib: 1, error: 'x', ...AT },
};

/** Members that may be null, by type; what the compiler lets be null has to be among them. */
const NULLS: { readonly [T in EventType]: Readonly<Partial<Extract<BrokerEvent, { type: T }>>> } = {
  request_waiting: { kind: null, consumer: null, model: null, client: null },
  request_granted: { kind: null, consumer: null, model: null, client: null, evict_ms: null, load_ms: null },
  request_finished: { kind: null, consumer: null, model: null, client: null, status: null, error: null, cut: null, queue_ms: null, evict_ms: null, load_ms: null, upstream_ms: null },
  request_released: { kind: null, consumer: null, model: null, client: null },
  unloading: { for: null, explanation: null, expected_mib: null },
  unloaded: { for: null, explanation: null, expected_mib: null, freed_mib: null, hook_ms: null, settle_ms: null, error: null },
  loading: {},
  loaded: { error: null },
  residency: {},
  health: {},
  config: { problem: null },
  pause: { by: null },
  sample: { total_mib: null, used_mib: null, free_mib: null, foreign_mib: null, error: null },
};

test('the history has the tables that are described, and their rows the fields of those events', () => {
  const { content } = DOCUMENT.paths['/v1/history']?.['get']?.responses['200'] ?? {};
  const rows = Object.entries(content?.['application/json']?.['x-rows'] ?? {});
  expect(rows.map(([table]) => table)).toEqual(Object.keys(HISTORY_TABLES));
  const types = Object.values(HISTORY_TABLES);
  const faults = rows.flatMap(([, { $ref }], index) => faultsBySchema($ref.split('/').at(-1) ?? '', { ...EXAMPLES[types[index] ?? 'sample'] }));
  expect(faults).toEqual([]);
});

describe('events are', () => {
  test('those of lib/core/events.ts', () => {
    expect(DOCUMENT.components['schemas']?.['EventType']?.['enum']).toEqual(EVENT_TYPES);
  });

  test.each(Object.entries(EXAMPLES))('described as they are: %s', (type, example) => {
    expect(faultsBySchema('BrokerEvent', example)).toEqual([]);
    expect(faultsBySchema('BrokerEvent', { ...example, ...Object.entries(NULLS).find(([each]) => each === type)?.[1] })).toEqual([]);
  });

  test.each(Object.values(EXAMPLES))('described with each of their members: $type', (example) => {
    const { type, ...members } = example;
    expect(Object.keys(members).toSorted()).toEqual([...Object.keys(EVENT_FIELDS[type]), 'id', 'time'].toSorted());
    for (const name of Object.keys(members)) {
      const without = Object.fromEntries(Object.entries(example).filter(([key]) => key !== name));
      expect(faultsBySchema('BrokerEvent', without)).not.toEqual([]);
      expect(faultsBySchema('BrokerEvent', { ...example, [name]: [] })).not.toEqual([]);
    }
  });
});
