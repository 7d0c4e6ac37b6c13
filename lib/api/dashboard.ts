import type { NextFunction, Request, Response } from 'express';
import { BrokerError } from '../errors.ts';
import { ownPortOf } from '../middlewares/arrival.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import { readDashboard } from './dashboard-files.ts';
import type { Coding, DashboardFiles } from './dashboard-files.ts';

/** Nothing from elsewhere, nothing inline, no frames: a text that came from a consumer can do nothing here even if it were ever taken for markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Asked again each time, answered with 304: a page of the last version never meets a broker of this one.
  'Cache-Control': 'no-cache',
  Vary: 'Accept-Encoding',
};

/** Once for the process: the files are those of the version that runs, whatever is installed over them meanwhile. */
let files: Promise<DashboardFiles> | null = null;

/** `GET /ui` and its files. It holds no data, so that a page can ask for the key that the data needs. */
export function dashboard() {
  void read().catch(() => undefined);
  return async (req: Request, res: Response): Promise<void> => {
    const name = req.path.slice('/ui/'.length);
    const file = (await read()).get(name === '' ? 'index.html' : name);
    if (file === undefined) throw new BrokerError('notFound', 'the dashboard has no such file; it is at /ui');
    const coding = codingFor(req);
    res.set({ ...HEADERS, 'Content-Type': file.type, ETag: `"${file.tag}-${coding}"` });
    if (coding !== 'identity') res.set('Content-Encoding', coding);
    if (req.fresh) res.status(304).end();
    else res.send(await file.in(coding));
  };
}

/** One who asks after a reading that failed has them read again; until then the broker serves on without the page. */
function read(): Promise<DashboardFiles> {
  const reading = (files ??= readDashboard());
  reading.catch(() => {
    if (files === reading) files = null;
  });
  return reading;
}

function codingFor(req: Request): Coding {
  const accepted = req.acceptsEncodings('br', 'gzip', 'identity');
  return accepted === 'br' || accepted === 'gzip' ? accepted : 'identity';
}

/** `GET /`: somebody who came with a browser gets the dashboard; before any key is asked for, as the page asks for it. */
export function browsersToDashboard(req: Request, res: Response, next: NextFunction): void {
  if (exchangeOf(res).path !== '/') {
    next();
    return;
  }
  const isBrowser = req.headers.accept?.includes('text/html') === true;
  if (isBrowser && ownPortOf(req) === null && (req.method === 'GET' || req.method === 'HEAD')) res.vary('Accept').redirect(302, '/ui');
  else next();
}
