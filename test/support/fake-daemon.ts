import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Reply = (req: IncomingMessage, res: ServerResponse) => void;

/** A real HTTP server with canned answers by `METHOD path`; it notes what it was asked. */
export class FakeDaemon {
  readonly asked: string[] = [];
  readonly replies = new Map<string, Reply>();
  readonly #server = createServer((req, res) => this.#answer(req, res));

  /** Listens on a free port, or on one that it had before. Resolves to its URL. */
  async start(port = 0): Promise<string> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return address.port;
  }

  /** Cans an answer in JSON. */
  can(question: string, body: unknown, status = 200): void {
    this.replies.set(question, (_req, res) => {
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(body));
    });
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const question = `${req.method} ${req.url}`;
    this.asked.push(question);
    const reply = this.replies.get(question);
    if (reply !== undefined) return reply(req, res);
    res.writeHead(404, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ error: 'not_found', message: `no such path: ${req.url}`, retryable: false }));
  }
}
