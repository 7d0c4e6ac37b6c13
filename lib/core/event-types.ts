import type { EventType, Occurrence } from './events.ts';

type Fields<T extends EventType> = Omit<Extract<Occurrence, { type: T }>, 'type'>;
/** Null apart, which any field may be that says so. */
type Word<V> = V extends string ? 'text' : V extends number ? 'number' : V extends boolean ? 'boolean' : 'object';
type Words<F> = { readonly [K in keyof F]-?: Word<NonNullable<F[K]>> };

const REQUEST = { request: 'text', kind: 'text', consumer: 'text', model: 'text', client: 'text' } as const;
const TIMES = { queue_ms: 'number', evict_ms: 'number', load_ms: 'number' } as const;
const UNLOADING = { consumer: 'text', for: 'text', request: 'text', reason: 'text', explanation: 'text', expected_mib: 'number' } as const;
const CHANGE = { consumer: 'text', from: 'text', to: 'text', reason: 'text' } as const;

/** Every type of event with what its own fields hold; the compiler holds this against `Occurrence`. */
export const EVENT_FIELDS = {
  request_waiting: REQUEST,
  request_granted: { ...REQUEST, ...TIMES },
  request_finished: {
    ...REQUEST,
    method: 'text',
    path: 'text',
    status: 'number',
    error: 'text',
    cut: 'text',
    ...TIMES,
    upstream_ms: 'number',
    total_ms: 'number',
    bytes_in: 'number',
    bytes_out: 'number',
  },
  request_released: { ...REQUEST, run_ms: 'number' },
  unloading: UNLOADING,
  unloaded: { ...UNLOADING, result: 'text', freed_mib: 'number', hook_ms: 'number', settle_ms: 'number', error: 'text' },
  loading: { consumer: 'text', request: 'text' },
  loaded: { consumer: 'text', request: 'text', result: 'text', load_ms: 'number', error: 'text' },
  residency: CHANGE,
  health: CHANGE,
  config: { result: 'text', problem: 'text' },
  pause: { paused: 'boolean', by: 'text' },
  sample: { total_mib: 'number', used_mib: 'number', free_mib: 'number', consumers: 'object', foreign_mib: 'number', error: 'text' },
} as const satisfies { readonly [T in EventType]: Words<Fields<T>> };

/** All types of events. */
export const EVENT_TYPES: readonly string[] = Object.keys(EVENT_FIELDS);

/** Whether there are events of that name. */
export function isEventType(name: string): name is EventType {
  return Object.hasOwn(EVENT_FIELDS, name);
}
