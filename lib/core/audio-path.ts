import { isRecord } from './records.ts';

/**
 * Where at a consumer the audio is that it has rendered, out of its `{audio_url}`: a path, or a URL of its own. null: there is none,
 * or it is somebody else's, whom nothing may make us call. `consumerUrl`: scheme, host and port.
 */
export function audioPath(document: unknown, consumerUrl: string): string | null {
  if (!isRecord(document) || typeof document['audio_url'] !== 'string' || document['audio_url'] === '') return null;
  const url = URL.parse(document['audio_url'], consumerUrl);
  if (url === null || url.username + url.password !== '' || url.origin !== URL.parse(consumerUrl)?.origin) return null;
  return url.pathname + url.search;
}
