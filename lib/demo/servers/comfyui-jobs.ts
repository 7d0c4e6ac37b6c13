import type { ComfyWorker, HistoryEntry, Prompt } from './comfyui-worker.ts';
import { asJson, parseObject, readBody, Refusal, sendJson } from './http.ts';
import type { Exchange, Handler } from './http.ts';

const STATES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
type State = (typeof STATES)[number];
type Job = Readonly<Record<string, unknown>> & { readonly status: State };

/** A prompt id as ComfyUI wants it: a UUID in its canonical form. */
export const CANONICAL_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The newer API, which speaks of jobs instead of a queue and a history. */
export function jobRoutes(worker: ComfyWorker): readonly [string, Handler][] {
  return [
    ['GET /api/jobs', (exchange) => list(exchange, worker)],
    ['GET /api/jobs/*', (exchange) => show(exchange, worker)],
    ['POST /api/jobs/cancel', (exchange) => cancelMany(exchange, worker)],
    ['POST /api/jobs/*', (exchange) => cancelOne(exchange, worker)],
  ];
}

function list({ response, query }: Exchange, worker: ComfyWorker): void {
  const wanted = (query.get('status') ?? STATES.join()).split(',').map((state) => state.trim().toLowerCase());
  const invalid = wanted.filter((state) => !STATES.some((known) => known === state));
  if (invalid.length > 0) throw refusal(400, `Invalid status value(s): ${invalid.join(', ')}. Valid values: ${STATES.join(', ')}`);
  const jobs = jobsOf(worker).map(({ job }) => job).filter(({ status }) => wanted.includes(status));
  sendJson(response, 200, { jobs, pagination: { offset: 0, limit: null, total: jobs.length, has_more: false } });
}

function show({ response, path }: Exchange, worker: ComfyWorker): void {
  const found = jobsOf(worker).find(({ job }) => job['id'] === path.slice('/api/jobs/'.length));
  if (found === undefined) throw refusal(404, 'Job not found');
  sendJson(response, 200, { ...found.job, ...found.details });
}

function cancelOne({ response, path }: Exchange, worker: ComfyWorker): void {
  const id = /^\/api\/jobs\/([^/]+)\/cancel$/.exec(path)?.[1];
  if (id === undefined) throw new Refusal(404, { type: 'text/plain; charset=utf-8', body: '404: Not Found' });
  sendJson(response, 200, { cancelled: cancel(id, worker) });
}

async function cancelMany({ request, response }: Exchange, worker: ComfyWorker): Promise<void> {
  const ids = parseObject(await readBody(request))?.['job_ids'];
  if (!Array.isArray(ids)) throw refusal(400, 'job_ids must be a list');
  const asked: readonly unknown[] = ids;
  const known = asked.filter((id) => typeof id === 'string').filter((id) => CANONICAL_ID.test(id));
  if (known.length < asked.length) throw new Refusal(400, asJson({ error: 'job_ids contains invalid id(s)', invalid_ids: asked.filter((id) => !known.some((good) => good === id)) }));
  sendJson(response, 200, { cancelled: known.map((id) => cancel(id, worker)).includes(true) });
}

/** Whether there was something to cancel. */
function cancel(id: string, worker: ComfyWorker): boolean {
  return worker.interrupt(id) || worker.remove((prompt) => prompt.id === id);
}

interface JobView {
  readonly job: Job;
  /** Shown of a single job only. */
  readonly details: object;
}

function jobsOf(worker: ComfyWorker): readonly JobView[] {
  return [
    ...worker.pending.map((prompt) => queued(prompt, 'pending')),
    ...worker.running.map((prompt) => queued(prompt, 'in_progress')),
    ...[...worker.history.entries()].map(([id, entry]) => finished(id, entry)),
  ];
}

function queued(prompt: Prompt, status: State): JobView {
  const { number, id, graph, extra } = prompt;
  const job = { id, status, priority: number, create_time: extra['create_time'], outputs_count: 0, previewable_outputs_count: 0 };
  return { job, details: { workflow: { prompt: graph, extra_data: extra } } };
}

function finished(id: string, { prompt: [priority, , graph, extra], outputs, status }: HistoryEntry): JobView {
  const at = (...events: string[]): unknown => status.messages.find(([event]) => events.includes(event))?.[1]['timestamp'];
  const job = {
    id,
    status: stateOf(status),
    priority,
    execution_start_time: at('execution_start'),
    execution_end_time: at('execution_success', 'execution_error', 'execution_interrupted'),
    execution_error: status.messages.find(([event]) => event === 'execution_error')?.[1],
    outputs_count: Object.keys(outputs).length,
    previewable_outputs_count: Object.keys(outputs).length,
  };
  return { job, details: { outputs, execution_status: status, workflow: { prompt: graph, extra_data: extra } } };
}

function stateOf({ status_str: word, messages }: HistoryEntry['status']): State {
  if (word === 'success') return 'completed';
  return messages.some(([event]) => event === 'execution_interrupted') ? 'cancelled' : 'failed';
}

function refusal(status: number, error: string): Refusal {
  return new Refusal(status, asJson({ error }));
}
