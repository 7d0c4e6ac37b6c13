import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileFromDebian, firstThere } from '../support/debian.js';
import { ask } from '../support/http.js';
import { gated } from './work.js';

const LIMIT_MS = 30_000;

export const about = 'promtool on a live scrape, on the alert rules, and on every query of the Grafana dashboard';

export function needs({ mayDownload }) {
  const { found, missing } = fileFromDebian('prometheus', (root) => firstThere([join(root, 'usr/bin/promtool')]), mayDownload);
  return missing === undefined ? { promtool: found } : { missing };
}

export async function run({ root, daemon, needs: { promtool }, goals }) {
  // One that is served and one that is refused, so that there is something in the metrics.
  await gated(daemon.port);
  await ask(daemon.port, { path: '/no/such/path' });
  const { text } = await ask(daemon.port, { path: '/metrics' });
  const check = (what, args, input) => goals.atMost(`${what}: exit code`, 0, { measured: exitCode(promtool, args, input) });
  check('check metrics', ['check', 'metrics'], text);
  check('check rules', ['check', 'rules', join(root, 'grafana/alerts.yml')]);
  check('test rules', ['test', 'rules', join(root, 'tools/harden/alerts.test.yml')]);
  const folder = mkdtempSync(join(tmpdir(), 'mgpu-promtool-'));
  const queries = join(folder, 'queries.yml');
  writeFileSync(queries, JSON.stringify({ groups: [{ name: 'dashboard', rules: queriesIn(join(root, 'grafana/mgpumanager.json')) }] }));
  check('the queries of the dashboard', ['check', 'rules', queries]);
  rmSync(folder, { recursive: true });
}

/** As recording rules, which is the form in which promtool reads expressions. JSON is YAML, too. */
function queriesIn(file) {
  const { panels, annotations } = JSON.parse(readFileSync(file, 'utf8'));
  const expressions = [...panels.flatMap(({ targets }) => targets), ...annotations.list].map(({ expr }) => expr);
  return expressions.map((expr, index) => ({ record: `dashboard:query${index}`, expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*') }));
}

function exitCode(promtool, args, input) {
  const { status, stdout, stderr } = spawnSync(promtool, args, { input, encoding: 'utf8', timeout: LIMIT_MS });
  if (status !== 0) console.log(`promtool ${args.join(' ')}: ${stdout}${stderr}`);
  return status ?? Infinity;
}
