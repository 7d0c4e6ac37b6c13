import type { Content } from './http.ts';
import type { VllmEngine } from './vllm-engine.ts';
import { VLLM_MODEL } from './vllm-job.ts';

/** By level, as `vllm:engine_sleep_state` names them. */
const SLEEP_STATES = ['awake', 'weights_offloaded', 'discard_all'];

/** What `/metrics` answers. */
export function metricsText(engine: VllmEngine): Content {
  const rows = [
    ...gauge('num_requests_running', 'Number of requests in model execution batches.', [['', engine.running]]),
    ...gauge('num_requests_waiting', 'Number of requests waiting to be processed.', [['', engine.waiting]]),
    ...gauge('engine_sleep_state', 'Engine sleep state.', SLEEP_STATES.map((state, level) => [`,sleep_state="${state}"`, Number(engine.level === level)])),
    '# HELP vllm:generation_tokens_total Number of generation tokens processed.',
    '# TYPE vllm:generation_tokens_total counter',
    ...rowsOf('generation_tokens_total', [['', engine.generatedTokens]]),
  ];
  return { type: 'text/plain; version=1.0.0; charset=utf-8', body: `${rows.join('\n')}\n` };
}

type Sample = readonly [labels: string, value: number];

function gauge(name: string, help: string, samples: readonly Sample[]): readonly string[] {
  return [`# HELP vllm:${name} ${help}`, `# TYPE vllm:${name} gauge`, ...rowsOf(name, samples)];
}

function rowsOf(name: string, samples: readonly Sample[]): readonly string[] {
  return samples.map(([labels, value]) => `vllm:${name}{engine="0",model_name="${VLLM_MODEL}"${labels}} ${value.toFixed(1)}`);
}
