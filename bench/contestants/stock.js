// The stock chain: Express 5 and http-proxy-middleware 4 with a keep-alive agent, nothing else.
import http from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { answerParent } from '../support/child.js';

answerParent({
  async start({ target }) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
    const app = express();
    app.use(createProxyMiddleware({ target, agent, changeOrigin: true }));
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return server.address().port;
  },
});
