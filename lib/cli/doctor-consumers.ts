import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Env } from '../config/env.ts';
import type { Config, ConsumerConfig, Hook } from '../config/types.ts';
import { probeConsumer } from '../consumers/probe.ts';
import { adviceFor } from './advice.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { duration, mib } from './words.ts';

/** Looks at each consumer: whether it answers, and whether what unloads and loads it can be run. */
export async function checkConsumers(config: Config, env: Env): Promise<Finding[]> {
  const found = await Promise.all([...config.consumers.values()].map(async (consumer) => [await checkHealth(consumer, config), ...checkHooks(consumer, env)]));
  return found.flat();
}

async function checkHealth(consumer: ConsumerConfig, { health }: Config): Promise<Finding> {
  const { name, url, preset } = consumer;
  const startedAt = performance.now();
  const { outcome } = await probeConsumer(consumer, consumer.health.timeout ?? health.timeout);
  const kind = preset === undefined ? 'no preset' : `preset ${preset}`;
  if (outcome.type === 'good') {
    const loaded = outcome.report.usedMib === null ? '' : `, holds ${mib(outcome.report.usedMib)}`;
    return ok(name, `healthy at ${url} after ${duration(performance.now() - startedAt)} (${kind})${loaded}`);
  }
  if (outcome.type === 'refused' && consumer.load?.type === 'command') return ok(name, `does not run (${kind}); the daemon starts it when it is needed: ${hookWords(consumer.load)}`);
  return fail(name, outcome.error, `Try: ${adviceFor({ url, lastError: outcome.error, systemdUnit: consumer.systemd_unit ?? null })}`);
}

function checkHooks({ name, load, unload, vram_managed: isManaged, preset }: ConsumerConfig, env: Env): Finding[] {
  const missing = [load, unload].flatMap((hook) => (hook?.type === 'command' && !isProgram(hook.argv[0], env) ? [hook.argv[0]] : []));
  if (missing.length > 0) return [fail(name, `its hook calls ${missing[0]}, which is no program here`, 'Write the whole path of the program, or install it.')];
  if (unload !== null) return [ok(name, `unload: ${hookWords(unload)}; load: ${load === null ? 'none, it loads with its first request' : hookWords(load)}`)];
  if (isManaged) return [ok(name, 'manages its memory itself, and is never unloaded')];
  const how = preset === undefined ? 'Give it a `preset`, an `unload` hook, or its `systemd_unit`.' : `The preset ${preset} alone cannot: give it its \`systemd_unit\`, or commands that stop and start it.`;
  return [warn(name, 'has nothing that unloads it, so that its memory is never free for others', how)];
}

/** A hook as one would call it. */
export function hookWords(hook: Hook): string {
  return hook.type === 'command' ? `\`${hook.argv.join(' ')}\`` : `${hook.method} ${hook.path}`;
}

function isProgram(name: string, env: Env): boolean {
  const places = name.includes('/') ? [name] : (env['PATH'] ?? '').split(':').map((folder) => join(folder || '.', name));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
