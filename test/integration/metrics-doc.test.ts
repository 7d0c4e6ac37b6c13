import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { METRICS } from '../../lib/metrics/catalogue.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import { request } from '../support/http.ts';
import { Scrape } from '../support/scrape.ts';

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
const [, ours = '', ofProcess = ''] = PAGE.split(/^## (?:All metrics|Of the process)$/m);

const words = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

test('docs/metrics.md lists our own metrics with type and labels, all and nothing else', () => {
  const rows = [...ours.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \|/gm)].map(([, name, type, labels = '']) => ({ name, type, labels: words(labels) }));
  const inCode = Object.values(METRICS).map(({ name, type, labels }) => ({ name, type, labels: [...labels] }));
  expect(rows).toEqual(inCode);
});

test('docs/metrics.md lists what is told of the process, all and nothing else', async () => {
  const fake = await simpleConsumer();
  const broker = await startBroker({ consumers: { mvoice: { fake } } });
  const { body } = await request({ url: `${broker.url}/metrics` });
  await broker.stop();
  const scraped = new Scrape(body).families.map(({ name }) => name).filter((name) => !name.startsWith('mgpu_'));
  const listed = [...ofProcess.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) => words(cell));
  expect(listed.toSorted()).toEqual(scraped.toSorted());
});

test('every metric says what it is, with the unit in its name', () => {
  for (const { name, type, help } of Object.values(METRICS)) {
    expect(help).toMatch(/\.$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
  }
});
