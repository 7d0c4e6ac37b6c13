import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { METRICS } from '../../../lib/metrics/catalogue.ts';
import { labelsIn, usedIn } from '../../support/promql.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'grafana');
/** Of the dashboard, what is looked at. */
interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly description: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string; readonly legendFormat?: string }[];
  }[];
  readonly annotations: { readonly list: readonly { readonly expr: string; readonly titleFormat: string; readonly textFormat?: string }[] };
  readonly templating: { readonly list: readonly { readonly type: string; readonly definition?: string }[] };
}
interface Alerts {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string; readonly annotations: Readonly<Record<string, string>> }[] }[];
}
const DASHBOARD: Dashboard = JSON.parse(readFileSync(join(FOLDER, 'mgpumanager.json'), 'utf8'));
const ALERTS: Alerts = JSON.parse(JSON.stringify(load(readFileSync(join(FOLDER, 'alerts.yml'), 'utf8'))));
/** What Prometheus itself adds. */
const OF_PROMETHEUS = ['job', 'instance'];

/** The labels of every line of a scrape. */
const LINES = new Map<string, readonly string[]>(
  Object.values(METRICS).flatMap(({ type, name, labels }): [string, readonly string[]][] => {
    if (type !== 'histogram') return [[name, labels]];
    return [[`${name}_bucket`, [...labels, 'le']], [`${name}_sum`, labels], [`${name}_count`, labels]];
  }),
);

/** What is wrong with an expression and the text beside it, in words. */
function faultsOf(expression: string, text = ''): string[] {
  const { metrics, grouped } = usedIn(expression);
  const known = new Set([...OF_PROMETHEUS, ...metrics.flatMap(({ name }) => LINES.get(name) ?? [])]);
  const missing = metrics.filter(({ name }) => !LINES.has(name)).map(({ name }) => `no metric ${name}`);
  const wrong = metrics.flatMap(({ name, labels }) => labels.filter((label) => ![...OF_PROMETHEUS, ...(LINES.get(name) ?? [])].includes(label)).map((label) => `${name} has no ${label}`));
  const others = [...grouped, ...labelsIn(text).filter((label) => label !== 'value')].filter((label) => !known.has(label)).map((label) => `nothing has ${label}`);
  return [...(metrics.length === 0 ? [`no metric in ${expression}`] : []), ...missing, ...wrong, ...others];
}

test.each([
  ['sum(mgpu_nothing)', '', 'no metric mgpu_nothing'],
  ['mgpu_queue_wait_seconds', '', 'no metric mgpu_queue_wait_seconds'],
  ['mgpu_paused{consumer="a"}', '', 'mgpu_paused has no consumer'],
  ['sum by (victim) (mgpu_paused)', '', 'nothing has victim'],
  ['mgpu_paused', '{{consumer}}', 'nothing has consumer'],
  ['vector(1)', '', 'no metric in vector(1)'],
])('a fault is found: %s %s', (expression, text, fault) => {
  expect(faultsOf(expression, text)).toContain(fault);
});

describe('grafana/mgpumanager.json', () => {
  test('asks for metrics and labels that exist', () => {
    const asked = DASHBOARD.panels.flatMap((panel) => panel.targets.map((each) => faultsOf(each.expr, each.legendFormat)));
    const annotated = DASHBOARD.annotations.list.map((each) => faultsOf(each.expr, `${each.titleFormat} ${each.textFormat ?? ''}`));
    expect(asked.length).toBeGreaterThan(15);
    expect([...asked, ...annotated].flat()).toEqual([]);
  });

  test('has variables that exist, in a data source of the user\'s choice', () => {
    const { list } = DASHBOARD.templating;
    expect(list.filter(({ type }) => type === 'query').flatMap(({ definition = '' }) => faultsOf(definition))).toEqual([]);
    const sources = [...JSON.stringify(DASHBOARD).matchAll(/"uid":"([^"]+)"/g)].map(([, uid]) => uid);
    expect(new Set(sources)).toEqual(new Set(['mgpumanager', '${datasource}']));
    expect(list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
  });

  test('loads in Grafana 11: eight numbers on top, panels with ids of their own that do not overlap and say their metric', () => {
    expect(DASHBOARD.schemaVersion).toBe(39);
    const { panels } = DASHBOARD;
    expect(panels.filter(({ type, gridPos }) => type === 'stat' && gridPos.y === 0)).toHaveLength(8);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`));
    expect(new Set(cells).size).toBe(cells.length);
    for (const { description } of panels) expect(description).toMatch(/Metric: `\w+`/);
  });
});

test('grafana/alerts.yml watches metrics and labels that exist', () => {
  const rules = ALERTS.groups.flatMap((group) => group.rules);
  expect(rules.map(({ alert }) => alert)).toEqual(['MgpuQueueStuck', 'MgpuConsumerDown', 'MgpuEvictionFailed', 'MgpuForeignMemory', 'MgpuCardUnreadable', 'MgpuEventLoopSlow']);
  expect(rules.flatMap(({ expr, annotations }) => faultsOf(expr, Object.values(annotations).join(' ')))).toEqual([]);
});
