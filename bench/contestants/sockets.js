// What a client of our own would save: Node's server, and towards the consumer bare sockets instead of http.request. It understands
// answers with a Content-Length, one after the other, and nothing else: a measure, not a proxy.
import http from 'node:http';
import net from 'node:net';
import { answerParent } from '../support/child.js';

const DROPPED = /^(?:host|connection|keep-alive|transfer-encoding)$/i;

class Upstream {
  #idle = [];
  #address;

  constructor(address) {
    this.#address = address;
  }

  /** Sends a request as bytes; `onAnswer` gets status, header list and body. */
  ask(bytes, onAnswer) {
    const socket = this.#idle.pop() ?? this.#open();
    socket.onAnswer = onAnswer;
    socket.write(bytes, 'latin1');
  }

  #open() {
    const socket = net.connect({ ...this.#address, noDelay: true });
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.latin1Slice();
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
      if (!(text.length >= end + 4 + length)) return;
      const [status, ...lines] = text.slice(0, end).split('\r\n');
      const body = text.slice(end + 4);
      text = '';
      this.#idle.push(socket);
      socket.onAnswer(Number(status.slice(9, 12)), lines.map((line) => line.split(': ')), body);
    });
    return socket;
  }
}

answerParent({
  async start({ target }) {
    const { hostname: host, host: authority, port } = new URL(target);
    const upstream = new Upstream({ host, port: Number(port) });
    const server = http.createServer((req, res) => {
      let body = '';
      req.on('data', (chunk) => (body += chunk.latin1Slice()));
      req.on('end', () => {
        let head = `${req.method} ${req.url} HTTP/1.1\r\nHost: ${authority}\r\n`;
        for (const name in req.headers) if (!DROPPED.test(name)) head += `${name}: ${req.headers[name]}\r\n`;
        upstream.ask(`${head}\r\n${body}`, (status, headers, answer) => {
          res.writeHead(status, headers.filter(([name]) => !DROPPED.test(name)).flat());
          res.end(answer, 'latin1');
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return server.address().port;
  },
});
