import { once } from 'node:events';
import type { Server } from 'node:http';
import { StartError } from './start-error.ts';

/**
 * Makes a server listen on HOST:PORT; the schema has checked the form. Returns the real address as a URL.
 * @throws StartError if the port is taken or the address is not ours.
 */
export async function listenOn(server: Server, listen: string): Promise<string> {
  const at = listen.lastIndexOf(':');
  server.listen(Number(listen.slice(at + 1)), listen.slice(0, at).replace(/^\[|\]$/g, ''));
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new StartError(`cannot listen on ${listen}: ${reasonOf(error)}`);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new StartError(`cannot listen on ${listen}: no TCP address`);
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

function reasonOf(error: unknown): string {
  // Not `instanceof Error`: it fails for errors that another realm made.
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  return code === 'EADDRINUSE' ? 'another program has that port (EADDRINUSE)' : code;
}
