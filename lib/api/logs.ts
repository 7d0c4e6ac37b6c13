import type { Request, Response } from 'express';
import { eventComment, EVENT_STREAM_HEADERS } from '../core/event-stream.ts';
import { isWanted, lineEvent, lineSeen, newestWanted, readLogQuery } from '../core/log-lines.ts';
import type { KeptLine, LogQuery } from '../core/log-lines.ts';
import { BrokerError } from '../errors.ts';
import type { ApiServices, LogBook } from './services.ts';

/** Of the answer's form. */
const SCHEMA_VERSION = 1;
/** So many read along at a time. */
const MOST_FOLLOWERS = 16;
/** A stream begins with no more than this, so that a follower is never cut for what it asked for. Characters. */
const LONGEST_BEGINNING = 128 * 1024;
/** A follower that has left more than this unread is cut; it goes on where it was when it comes back. Bytes. */
const LARGEST_BACKLOG = 256 * 1024;
/** Tells both sides that the other is still there. ms. */
const HEARTBEAT_MS = 15_000;
const RETRY_AFTER_S = 5;

/** `GET /v1/logs`: the newest lines of the log; with `follow=1` as a stream of events that goes on. */
export function logs({ logLines }: Pick<ApiServices, 'logLines'>) {
  return (req: Request, res: Response): void => {
    const read = readLogQuery(req.query);
    if ('fault' in read) throw new BrokerError('badRequest', read.fault);
    if (read.query.follow) follow({ req, res, query: read.query }, logLines);
    else sendLines(res, logLines, newestWanted(logLines.all(), read.query));
  };
}

function sendLines(res: Response, { boot }: LogBook, lines: readonly KeptLine[]): void {
  res.type('json').send(`{"schema_version":${SCHEMA_VERSION},"boot":${JSON.stringify(boot)},"lines":[${lines.map(({ json }) => json).join(',')}]}`);
}

interface Follow {
  readonly req: Request;
  readonly res: Response;
  readonly query: LogQuery;
}

function follow({ req, res, query }: Follow, book: LogBook): void {
  if (book.isClosed) throw new BrokerError('shuttingDown', 'the broker is shutting down', { retryAfterS: RETRY_AFTER_S });
  if (book.followers >= MOST_FOLLOWERS) throw new BrokerError('overloaded', `${MOST_FOLLOWERS} follow the log already`, { retryAfterS: RETRY_AFTER_S });
  res.writeHead(200, { ...EVENT_STREAM_HEADERS, 'Cache-Control': 'no-store' });
  if (req.method === 'HEAD') return void res.end();
  const seen = lineSeen(book.boot, req.get('Last-Event-ID'));
  const begins = seen === null ? book.all() : book.all().filter(({ id }) => id > seen);
  res.write(`retry: 2000\n\n${newestWanted(begins, query, LONGEST_BEGINNING).map((line) => lineEvent(book.boot, line)).join('')}`);
  tellOn(res, query, book);
}

function tellOn(res: Response, query: LogQuery, book: LogBook): void {
  const write = (text: string): void => {
    res.write(text);
    if (res.writableLength > LARGEST_BACKLOG) res.destroy();
  };
  const heartbeat = setInterval(write, HEARTBEAT_MS, eventComment('alive'));
  const stop = book.follow({
    line: (line) => {
      if (isWanted(line, query)) write(lineEvent(book.boot, line));
    },
    end: () => {
      // One who does not read holds the connection open, and a write behind the end would end the process.
      clearInterval(heartbeat);
      res.end('event: bye\ndata: {}\n\n');
    },
  });
  res.once('close', () => {
    clearInterval(heartbeat);
    stop();
  });
}
