import { parseConfig } from '../../lib/config/load.ts';
import { formatProblem } from '../../lib/config/problem.ts';
import type { Config, ConsumerConfig } from '../../lib/config/types.ts';

/** Settings as in the file; JSON is YAML too. */
type Settings = Readonly<Record<string, unknown>>;

/** A valid configuration. A consumer needs neither `url` nor `health` here: what a test is about it sets itself. */
export function configured({ consumers = { a: {} }, ...settings }: Settings & { readonly consumers?: Readonly<Record<string, Settings>> }): Config {
  const entries = Object.entries(consumers).map(([name, own], index) => {
    return [name, { url: `http://127.0.0.1:${9000 + index}`, health: { path: '/health' }, paths: {}, ...own }];
  });
  const file = { listen: '127.0.0.1:0', ...settings, routing: settings['routing'] ?? {}, consumers: Object.fromEntries(entries) };
  const result = parseConfig(JSON.stringify(file), 'test.yaml', {});
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

/** One consumer with these settings, named `a`. */
export function configuredConsumer(settings: Settings = {}): ConsumerConfig {
  return consumerOf(configured({ consumers: { a: settings } }), 'a');
}

/** A consumer of a configuration; throws if there is none of that name. */
export function consumerOf(config: Config, name: string): ConsumerConfig {
  const consumer = config.consumers.get(name);
  if (consumer === undefined) throw new Error(`no consumer ${name} in the test's configuration`);
  return consumer;
}
