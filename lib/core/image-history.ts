import { isRecord } from './records.ts';

/** An image as ComfyUI names it. */
export interface ImageFile {
  readonly filename: string;
  readonly subfolder: string;
  /** `output`, or `temp` for one that is only shown. */
  readonly type: string;
}

/** What ComfyUI's history says of a job. `unsure`: nothing, or not yet. */
export type JobOutcome =
  | { readonly type: 'unsure' }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'done'; readonly images: readonly ImageFile[] };

/** What became of a job. `output`: the node whose images count; null: all that were saved do. */
export function outcomeOf(history: unknown, id: string, output: string | null): JobOutcome {
  const entry = isRecord(history) && Object.hasOwn(history, id) ? history[id] : undefined;
  if (!isRecord(entry)) return { type: 'unsure' };
  const { status, outputs } = entry;
  if (isRecord(status) && status['status_str'] === 'error') return { type: 'failed', message: failureIn(status['messages']) };
  const nodes = isRecord(outputs) ? Object.entries(outputs).filter(([node]) => output === null || node === output) : [];
  const images = nodes.flatMap(([, made]) => imagesIn(made)).filter(({ type }) => output !== null || type === 'output');
  return { type: 'done', images };
}

function failureIn(messages: unknown): string {
  const events = Array.isArray(messages) ? messages.filter((each) => Array.isArray(each)) : [];
  if (events.some(([event]) => event === 'execution_interrupted')) return 'the workflow was interrupted';
  const error: unknown = events.find(([event]) => event === 'execution_error')?.[1];
  if (!isRecord(error)) return 'the workflow failed';
  const { node_type: node, exception_message: message } = error;
  return `${typeof node === 'string' ? node : 'the workflow'} failed${typeof message === 'string' ? `: ${message.trim()}` : ''}`;
}

function imagesIn(made: unknown): ImageFile[] {
  const images = isRecord(made) && Array.isArray(made['images']) ? made['images'] : [];
  return images.filter(isRecord).flatMap(({ filename, subfolder = '', type = 'output' }) => {
    return typeof filename === 'string' && typeof subfolder === 'string' && typeof type === 'string' ? [{ filename, subfolder, type }] : [];
  });
}

/** Where ComfyUI serves an image. */
export function viewPath({ filename, subfolder, type }: ImageFile): string {
  return `/view?filename=${encodeURIComponent(filename)}&subfolder=${encodeURIComponent(subfolder)}&type=${encodeURIComponent(type)}`;
}
