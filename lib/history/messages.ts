import type { HistoryQuery } from '../core/history-query.ts';
import type { BrokerEvent } from '../core/events.ts';

/** How much is kept for how long. */
export interface HistoryLimits {
  readonly keepMs: number;
  readonly maxBytes: number;
}

/** Where, too. */
export interface HistorySettings extends HistoryLimits {
  readonly file: string;
}

/** What the thread that has the file is asked to do; `settings` comes first. An empty `write` says whether it could. */
export type HistoryTask =
  | { readonly type: 'write'; readonly events: readonly BrokerEvent[] }
  | { readonly type: 'read'; readonly query: HistoryQuery; readonly format: HistoryFormat }
  | { readonly type: 'settings'; readonly settings: HistorySettings }
  | { readonly type: 'close' };

export type HistoryFormat = 'json' | 'csv';

/** What it answers. */
export type HistoryReply = {
  /** Where a damaged file was put; null: there was none. */
  readonly setAside: string | null;
} & (
  | { readonly ok: true; readonly page: HistoryPage | null }
  /** `reason` is for everybody, `detail` for the log. */
  | { readonly ok: false; readonly reason: string; readonly detail: string }
);

/** A page of rows, written out. */
export interface HistoryPage {
  readonly body: Uint8Array<ArrayBuffer>;
  /** For the next page; null: this is the last. */
  readonly next: number | null;
}
