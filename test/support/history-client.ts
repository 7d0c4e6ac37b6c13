import { request } from './http.ts';
import { untilAsked } from './until.ts';

/** An entry of the history as JSON has it. */
export type Entry = Readonly<Record<string, unknown>> & { readonly id: number };

/** A page of it. */
export interface Page {
  readonly schema_version: number;
  readonly what: string;
  readonly rows: readonly Entry[];
  readonly next: number | null;
}

/** Asks a broker for its history; the query is without its question mark. */
export async function historyOf(url: string, query = ''): Promise<Page> {
  const { status, body } = await request({ url: `${url}/v1/history?${query}` });
  if (status !== 200) throw new Error(`${status} ${body}`);
  return pageIn(body);
}

/** Resolves with the page once it has so many rows. */
export async function historyWith(count: number, { url, query = '' }: { readonly url: string; readonly query?: string }): Promise<Page> {
  let page: Page | null = null;
  await untilAsked(async () => (page = await historyOf(url, query)).rows.length === count);
  return page ?? historyOf(url, query);
}

function pageIn(body: string): Page {
  const parsed: Page = JSON.parse(body);
  return parsed;
}
