import { setTimeout as delay } from 'node:timers/promises';
import type { Config, ConsumerConfig, Hook } from '../config/types.ts';
import { callHook } from '../consumers/call-hook.ts';
import { runCommand } from '../consumers/command.ts';
import { probeConsumer } from '../consumers/probe.ts';
import { ask, HOOK_MS, QUICK_MS, reasonOf, type DaemonAddress } from './client.ts';
import { hookWords } from './doctor-consumers.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { readStatus } from './status-document.ts';
import { duration } from './words.ts';

/** Between two looks at a consumer that is loading. ms. */
const LOOK_MS = 200;

type Action = 'unload' | 'load';

/** Calls a hook; rejects with a reason for people. `needless`: there was nothing to unload, so that it was not called. */
type Call = (consumer: ConsumerConfig, action: Action) => Promise<'done' | 'needless'>;

/**
 * Unloads and loads each consumer for real, one after the other. `daemon`: the one that runs, by which running work is never cut; null: none
 * runs, so that the hooks are called from here.
 */
export async function tryHooks(config: Config, daemon: DaemonAddress | null): Promise<Finding[]> {
  const call: Call = daemon === null ? (consumer, action) => callDirectly(consumer, action, config) : (consumer, action) => order(daemon, consumer.name, action);
  const findings: Finding[] = [];
  for (const consumer of config.consumers.values()) {
    for (const action of ['unload', 'load'] as const) {
      const hook = consumer[action];
      if (hook !== null) findings.push(await attempt(consumer, { action, hook }, call));
    }
  }
  return findings;
}

/** Names of the consumers whose hooks there are to try. */
export function triable({ consumers }: Config): string[] {
  return [...consumers.values()].filter(({ load, unload }) => load !== null || unload !== null).map(({ name }) => name);
}

async function attempt(consumer: ConsumerConfig, { action, hook }: { readonly action: Action; readonly hook: Hook }, call: Call): Promise<Finding> {
  const startedAt = performance.now();
  try {
    const outcome = await call(consumer, action);
    if (outcome === 'needless') return warn(consumer.name, 'unload was not tried: it is not loaded', 'Send it a request, then try again.');
    return ok(consumer.name, `${action} took ${duration(performance.now() - startedAt)}`);
  } catch (error) {
    return fail(consumer.name, `${action} failed: ${reasonOf(error)}`, `Call it by hand and look at what the server's log says: ${hookWords(hook)}`);
  }
}

async function order(daemon: DaemonAddress, name: string, action: Action): Promise<'done' | 'needless'> {
  if (action === 'unload' && (await residencyOf(daemon, name)) === 'absent') return 'needless';
  const answer = await ask({ ...daemon, method: 'POST', path: `/v1/consumers/${encodeURIComponent(name)}/${action}`, timeoutMs: HOOK_MS });
  if (answer.kind !== 'answer') throw new Error(answer.message);
  return 'done';
}

/** null: the daemon does not say. */
async function residencyOf(daemon: DaemonAddress, name: string): Promise<string | null> {
  const answer = await ask({ ...daemon, method: 'GET', path: '/v1/status', timeoutMs: QUICK_MS });
  const consumers = answer.kind === 'answer' ? readStatus(answer.body)?.consumers : undefined;
  return consumers?.find((each) => each.name === name)?.residency ?? null;
}

async function callDirectly(consumer: ConsumerConfig, action: Action, { health }: Config): Promise<'done'> {
  const hook = consumer[action];
  if (hook === null) return 'done';
  const deadline = performance.now() + hook.timeout;
  if (hook.type === 'command') await runCommand(hook.argv, hook.timeout);
  else await callHook({ config: consumer, hook, leftMs: () => deadline - performance.now() });
  while (action === 'load') {
    const { outcome } = await probeConsumer(consumer, consumer.health.timeout ?? health.timeout);
    if (outcome.type === 'good') break;
    if (performance.now() >= deadline) throw new Error(`not healthy ${duration(hook.timeout)} after it began: ${outcome.error}`);
    await delay(LOOK_MS);
  }
  return 'done';
}
