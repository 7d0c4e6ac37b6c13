import { isObject } from './http.ts';

/** A document and how well it answers a query. */
export interface Ranked {
  readonly index: number;
  readonly relevance_score: number;
}

/** The texts of a rerank request; null when it has none. */
export function documentsOf({ documents, texts }: Readonly<Record<string, unknown>>): readonly string[] | null {
  const all: unknown = documents ?? texts;
  if (!Array.isArray(all) || all.length === 0) return null;
  return all.map((each: unknown) => (isObject(each) ? String(each['text']) : String(each)));
}

/** The documents by the share of the query's words that they have, best first; `most` of them. */
export function rank(query: string, documents: readonly string[], most: number): readonly Ranked[] {
  const words = wordsIn(query);
  const ranked = documents.map((text, index) => {
    const own = wordsIn(text);
    return { index, relevance_score: [...words].filter((word) => own.has(word)).length / Math.max(1, words.size) };
  });
  return ranked.toSorted((a, b) => b.relevance_score - a.relevance_score).slice(0, most);
}

function wordsIn(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
}
