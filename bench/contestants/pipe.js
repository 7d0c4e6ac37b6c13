// The least that a proxy in Node can be: its own server, its own client, and two pipes. No errors, no headers of its own.
import http from 'node:http';
import { answerParent } from '../support/child.js';

answerParent({
  async start({ target }) {
    const { hostname: host, port } = new URL(target);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
    const server = http.createServer((req, res) => {
      const out = http.request({ host, port, agent, method: req.method, path: req.url, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
      });
      req.pipe(out);
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return server.address().port;
  },
});
