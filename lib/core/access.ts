/** Headers by name in lower case. */
type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;

/** Names under which this host is reached, beside IP literals and localhost. In lower case. */
export interface OwnNames {
  readonly hostName: string;
  readonly configured: readonly string[];
}

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const LAST_PORT = 65_535;

/**
 * Whether a `Host` value is ours. An attacker's page that has its own name point here (DNS rebinding) still sends that name,
 * so only literal addresses and known names pass.
 */
export function isOwnHost(host: string, { hostName, configured }: OwnNames): boolean {
  const name = nameIn(host.toLowerCase());
  if (name === null) return false;
  if (name.startsWith('[') || IPV4.test(name)) return URL.canParse(`http://${name}`);
  if (name === 'localhost') return true;
  if (name === hostName || name === `${hostName}.local` || configured.includes(name)) return true;
  return name.startsWith(`${hostName}.`) && name.endsWith('.ts.net');
}

/** The name without its port; null if it is no host name at all. */
function nameIn(host: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(\d{1,5}))?$/.exec(host);
  return Number(match?.[2] ?? 0) > LAST_PORT ? null : (match?.[1] ?? null);
}

/** Our own origin, seen from a request. */
export function isOwnOrigin(origin: string, host: string | string[] | undefined): boolean {
  return typeof host === 'string' && (origin === `http://${host}` || origin === `https://${host}`);
}

/**
 * Why a request that a web page made is refused, or null. Browsers state where a request comes from in `Origin` and
 * `Sec-Fetch-Site`; programs send neither. Opening one of our pages from a link elsewhere is fine: no GET changes anything.
 * `origins` are those of other pages that may.
 */
export function crossSiteFault(method: string, headers: HeaderMap, origins: ReadonlySet<string>): string | null {
  const { origin, host } = headers;
  if (origin !== undefined) {
    const isWelcome = typeof origin === 'string' && (isOwnOrigin(origin, host) || origins.has(origin));
    return isWelcome ? null : 'the request comes from a web page of another origin; to admit it, list it under access.origins';
  }
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return null;
  const isNavigation = headers['sec-fetch-mode'] === 'navigate' && (method === 'GET' || method === 'HEAD');
  return isNavigation ? null : 'the request comes from a web page of another site';
}
