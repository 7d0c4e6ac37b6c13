import { child, type Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { entriesOf, memberOf, textOf } from './tree.ts';

/** An address and port that something listens on. */
interface Place {
  /** As `URL` writes it; localhost in all its forms as `localhost`. */
  readonly host: string;
  readonly port: string;
}

/** A setting that says where somebody listens. */
interface Listener {
  readonly place: Place;
  readonly isWhat: string;
}

/** As the schema has it. */
const DEFAULT_LISTEN = '127.0.0.1:8770';
const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);
const EVERY_ADDRESS = new Set(['0.0.0.0', '[::]']);

/** Ports of single consumers that something else has already. Who listens where is known of us only, and of servers by their `url`. */
export function listenFaults(file: unknown): Fault[] {
  const consumers = entriesOf(memberOf(file, 'consumers'));
  const main = placeOf(`http://${textOf(file, 'listen') ?? DEFAULT_LISTEN}`);
  const taken: Listener[] = main === null ? [] : [{ place: main, isWhat: 'where the broker itself listens (listen)' }];
  const servers = consumers.flatMap(([name, consumer]) => serverOf(name, consumer));
  return consumers.flatMap(([name, consumer]) => {
    const place = placeOf(`http://${textOf(consumer, 'listen') ?? ''}`);
    if (place === null) return [];
    const clash = taken.find((other) => areOne(place, other.place)) ?? servers.find((server) => isServer(place, server.place));
    taken.push({ place, isWhat: `where it listens for ${name} (consumers.${name}.listen)` });
    return clash === undefined ? [] : [fault(child(child('/consumers', name), 'listen'), clash)];
  });
}

function serverOf(name: string, consumer: unknown): Listener[] {
  const place = placeOf(textOf(consumer, 'url') ?? '');
  return place === null ? [] : [{ place, isWhat: `where ${name} itself is (consumers.${name}.url), as the broker would then ask itself` }];
}

function fault(pointer: Pointer, { isWhat }: Listener): Fault {
  return { pointer, at: 'value', expected: `an address and port that are not ${isWhat}` };
}

/** null: no URL; other checks say so. */
function placeOf(text: string): Place | null {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return null;
  const port = url.port === '' ? { 'http:': '80', 'https:': '443' }[url.protocol] : url.port;
  return port === undefined ? null : { host: LOCAL.has(url.hostname) ? 'localhost' : url.hostname, port };
}

/** Whether two cannot be listened on at the same time; port 0 is another one each time. */
function areOne(a: Place, b: Place): boolean {
  if (a.port !== b.port || a.port === '0') return false;
  return a.host === b.host || EVERY_ADDRESS.has(a.host) || EVERY_ADDRESS.has(b.host);
}

/** Whether a server is there where we would listen. One at another address of this port may be on another machine. */
function isServer(ours: Place, server: Place): boolean {
  if (ours.port !== server.port) return false;
  const isHere = server.host === 'localhost' || server.host.startsWith('127.') || EVERY_ADDRESS.has(server.host);
  return ours.host === server.host || (isHere && (EVERY_ADDRESS.has(ours.host) || EVERY_ADDRESS.has(server.host)));
}
