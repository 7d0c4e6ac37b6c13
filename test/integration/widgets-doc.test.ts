import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isEventType } from '../../lib/core/event-types.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { request } from '../support/http.ts';
import { templateOf } from '../support/openapi.ts';

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'widgets.md'), 'utf8');

let broker: Broker;
/** A real answer. */
let status: unknown;
beforeAll(async () => {
  broker = await startBroker({ consumers: { one: { fake: await simpleConsumer() } } });
  status = JSON.parse((await request({ url: `${broker.url}/v1/status` })).body);
});
afterAll(() => broker.stop());

/** What is under a heading. */
const section = (heading: string): string => PAGE.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
const yamlUnder = (heading: string): unknown => load(/```yaml\n([^]*?)```/.exec(section(heading))?.[1] ?? '');

/** What stands at a path of names and dots; undefined: nothing. */
function at(path: string, value: unknown): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (typeof inner === 'object' && inner !== null ? Object.entries(inner).find(([key]) => key === name)?.[1] : undefined), value);
}

/** A path as Homepage nests it. A dot in a name is none to look behind: its older versions do not. */
function pathOf(field: unknown): string {
  if (typeof field !== 'object' || field === null) return String(field).replaceAll('.', '%2E');
  return Object.entries(field).map(([name, inner]) => `${name}.${pathOf(inner)}`).join();
}

const numbersAt = (paths: readonly string[]): unknown[] => paths.map((path) => [path, typeof at(path, status)]);
const allNumbers = (paths: readonly string[]): unknown[] => paths.map((path) => [path, 'number']);

describe('docs/widgets.md:', () => {
  test('its table has every number of the summary, and no others', () => {
    const rows = PAGE.split('\n').filter((line) => /^\| `\w+`/.test(line) && !line.startsWith('| `http'));
    const named = rows.flatMap((row) => Array.from((row.split('|')[1] ?? '').matchAll(/`(\w+)`/g), ([, name]) => name));
    expect(named.toSorted()).toEqual(Object.keys(at('summary', status) ?? {}).toSorted());
  });

  test('Homepage finds a number at each field', () => {
    const widget = at('0.GPU.0.mGPUmanager.widget', yamlUnder('Homepage'));
    const mappings: unknown = at('mappings', widget);
    const fields = Array.isArray(mappings) ? mappings.map((each) => pathOf(at('field', each))) : [];
    expect(fields.length).toBeGreaterThan(2);
    expect([at('type', widget), ...numbersAt(fields)]).toEqual(['customapi', ...allNumbers(fields)]);
  });

  test('Glance finds a number at each field, and a text at those of a consumer', () => {
    const template = String(at('0.template', yamlUnder('Glance')));
    const fields = Array.from(template.matchAll(/\.JSON\.Int "([^"]+)"/g), ([, field = '']) => field);
    expect(fields.length).toBeGreaterThan(2);
    expect(numbersAt(fields)).toEqual(allNumbers(fields));
    const texts = Array.from(template.matchAll(/\{ \.String "([^"]+)"/g), ([, field = '']) => field);
    expect(texts.map((field) => [field, typeof at(`consumers.0.${field}`, status)])).toEqual([['name', 'string'], ['residency', 'string']]);
    expect(template).toContain('range .JSON.Array "consumers"');
  });

  test('Uptime Kuma finds a number at each plain query', () => {
    const queries = Array.from(section('Uptime Kuma').matchAll(/\| `(summary\.\w+)` \|/g), ([, query = '']) => query);
    expect(queries.length).toBe(2);
    expect(numbersAt(queries)).toEqual(allNumbers(queries));
  });

  test('Prometheus scrapes a path that there is', () => {
    expect(at('scrape_configs.0.metrics_path', yamlUnder('Prometheus'))).toBe('/metrics');
  });

  test('its addresses are those of routes, and its events are those that there are', () => {
    const paths = Array.from(PAGE.matchAll(/:8770(\/[^\s`'"|?]*)/g), ([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => templateOf(path) === undefined)).toEqual([]);
    const types = (/types=([\w,]+)/.exec(PAGE)?.[1] ?? '').split(',');
    expect(types.filter((type) => !isEventType(type))).toEqual([]);
  });
});
