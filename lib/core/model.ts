/** Whether a consumer answers. */
export type Health =
  | { readonly state: 'unknown' }
  | { readonly state: 'healthy' }
  | { readonly state: 'unhealthy'; readonly error: string };

/** Whether a consumer's weights are in VRAM. */
export type Residency = 'absent' | 'loading' | 'resident' | 'unloading' | 'unknown';

/** A process with a compute context on the card. null: not known. */
export interface GpuProcess {
  readonly pid: number;
  readonly name: string | null;
  readonly usedMib: number | null;
}

/** Who holds the memory of the card, consumer by consumer. */
export interface Attribution {
  /** MiB by consumer name; null or missing: could not be measured. */
  readonly uses: ReadonlyMap<string, number | null>;
  /** Processes that belong to no consumer for sure. */
  readonly foreign: readonly GpuProcess[];
  /** Processes that may belong to a consumer that could not be attributed. */
  readonly unknownHolders: readonly GpuProcess[];
}

/** One reading of the card. Monotonic times are in ms. null: not known, never 0. */
export interface Sample {
  /** When the measurement began, monotonic. */
  readonly startedAt: number;
  /** When it ended, wall clock. */
  readonly takenAt: Date;
  readonly uuid: string | null;
  readonly name: string | null;
  readonly totalMib: number | null;
  readonly usedMib: number | null;
  readonly freeMib: number;
  readonly attribution: Attribution | null;
}

/** A reading, or why there is none. */
export type Reading =
  | { readonly ok: true; readonly sample: Sample }
  | { readonly ok: false; readonly startedAt: number; readonly error: string };
