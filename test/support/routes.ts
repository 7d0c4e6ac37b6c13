import { KINDS } from '../../lib/config/types.ts';
import type { Scope } from '../../lib/config/types.gen.ts';
import { OPERATIONS } from '../../lib/core/operations.ts';

/** One way to ask for something, and the scope that it needs. */
export interface RouteCase {
  /** As `lib/server.ts` writes the path; empty: it comes in through a door. */
  readonly route: string;
  readonly start: string;
  readonly scope: Scope | null;
}

const at = (route: string, scope: Scope | null, ...starts: readonly string[]): RouteCase[] => starts.map((start) => ({ route, start, scope }));

/** Every route of the broker; the consumer is `one`. */
export const ROUTES: readonly RouteCase[] = [
  ...at('/v1/${kind}', 'infer', ...KINDS.map((kind) => `POST /v1/${kind}`)),
  ...at('operation.path', 'infer', ...OPERATIONS.map(({ path }) => `POST ${path}`)),
  ...at('/^\\/audio\\/./', 'infer', 'GET /audio/a.wav', 'HEAD /audio/a.wav'),
  ...at('/v1/audio/voices', 'read', 'GET /v1/audio/voices'),
  ...at('/v1/audio/models', 'read', 'GET /v1/audio/models'),
  ...at('/v1/models', 'read', 'GET /v1/models', 'HEAD /v1/models'),
  ...at('/models', 'read', 'GET /models'),
  ...at('/^\\/v1\\/models\\/./', 'read', 'GET /v1/models/m', 'GET /v1/models/a/b'),
  ...at('/models/load', 'admin', 'POST /models/load', 'GET /models/load'),
  ...at('/models/unload', 'admin', 'POST /models/unload'),
  ...at('/v1/status', 'read', 'GET /v1/status', 'HEAD /v1/status', 'POST /v1/status'),
  ...at('/openapi.json', 'read', 'GET /openapi.json', 'HEAD /openapi.json', 'POST /openapi.json'),
  ...at('/v1/events', 'read', 'HEAD /v1/events', 'GET /v1/events?types=none', 'POST /v1/events'),
  ...at('/metrics', 'read', 'GET /metrics', 'HEAD /metrics', 'POST /metrics'),
  ...at('/v1/history', 'read', 'GET /v1/history', 'HEAD /v1/history', 'DELETE /v1/history'),
  ...at('/v1/plan', 'read', 'GET /v1/plan?kind=llm'),
  ...at('/v1/queue', 'read', 'GET /v1/queue', 'HEAD /v1/queue', 'POST /v1/queue'),
  ...at('/v1/queue/:id', 'infer', 'DELETE /v1/queue/x', 'GET /v1/queue/x'),
  ...at('/v1/logs', 'admin', 'GET /v1/logs', 'HEAD /v1/logs', 'GET /v1/logs?n=5'),
  ...at('/v1/leases', 'infer', 'POST /v1/leases'),
  ...at('/v1/leases/:id', 'infer', 'PUT /v1/leases/x'),
  ...at('/v1/leases/:id', 'admin', 'DELETE /v1/leases/x'),
  ...at('/v1/pause', 'admin', 'POST /v1/pause'),
  ...at('/v1/resume', 'admin', 'POST /v1/resume'),
  ...at('/v1/consumers/:name/load', 'admin', 'POST /v1/consumers/one/load', 'GET /v1/consumers/one/load'),
  ...at('/v1/consumers/:name/unload', 'admin', 'POST /v1/consumers/one/unload', 'POST /v1/consumers/none/unload'),
  ...at('/healthz', null, 'GET /healthz', 'HEAD /healthz', 'POST /healthz'),
  ...at('/readyz', 'read', 'GET /readyz'),
  ...at('/', 'read', 'GET /'),
  ...at('/^\\/ui(?:\\/|$)/', null, 'GET /ui', 'HEAD /ui', 'GET /ui/app.js', 'GET /ui/none', 'POST /ui'),
  ...at('', 'infer', 'GET /upstream/one/x', 'HEAD /upstream/one/x', 'OPTIONS /upstream/one/x', 'POST /upstream/one/api/show', 'PUT /upstream/one/x', 'PATCH /upstream/one/x'),
  ...at('', 'infer', 'GET /ollama/api/tags', 'GET /comfyui/', 'GET /upstream/one/v1/pause', 'GET /upstream/none/x'),
  ...at('', 'admin', 'DELETE /upstream/one/x', 'DELETE /ollama/api/delete', 'PURGE /comfyui/x', 'DELETE /upstream/one'),
  ...at('', null, 'OPTIONS /v1/pause', 'OPTIONS /v1/tts'),
  ...at('', 'read', 'GET /nothing', 'POST /v1/nothing', 'DELETE /nothing', 'GET /audio/', 'POST /V1/status'),
  ...at('', 'admin', 'POST /v1/pause/', 'GET /v1/consumers', 'DELETE /v1/consumers/one'),
];
