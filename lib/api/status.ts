import type { Request, Response } from 'express';
import { unreadyReasons } from '../core/readiness.ts';
import { statusReport } from '../core/status.ts';
import type { ApiServices } from './services.ts';

/** `GET /v1/status`: the live snapshot. */
export function status({ status: facts }: Pick<ApiServices, 'status'>) {
  return (_req: Request, res: Response): void => {
    res.json(statusReport(facts()));
  };
}

/** `GET /healthz`: the process serves. */
export function healthz(_req: Request, res: Response): void {
  res.json({ status: 'ok' });
}

/** `GET /readyz`: it may be given traffic, or why not. */
export function readyz({ readiness }: Pick<ApiServices, 'readiness'>) {
  return (_req: Request, res: Response): void => {
    const reasons = unreadyReasons(readiness());
    res.status(reasons.length === 0 ? 200 : 503).json(reasons.length === 0 ? { status: 'ready' } : { status: 'not ready', reasons });
  };
}

/** `GET /`: what there is, for somebody who came with a browser. */
export function index(_req: Request, res: Response): void {
  res.type('text/plain').send(INDEX);
}

const INDEX =
  'mGPUmanager: POST /v1/tts, /v1/stt, /v1/llm, /v1/image; the paths of OpenAI and Anthropic under /v1; GET /v1/models; /ollama/*, /comfyui/*, /upstream/NAME/*; ' +
  'GET /audio/*, /v1/status, /v1/queue, /v1/events, /v1/history, /v1/logs, /v1/plan, /metrics, /openapi.json, /ui, /healthz, /readyz; ' +
  'POST /v1/leases, /v1/pause, /v1/resume, /v1/consumers/NAME/load, /v1/consumers/NAME/unload; DELETE /v1/queue/ID\n';
