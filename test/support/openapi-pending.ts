/** Described, and not served yet. */
export const PENDING_PATHS: readonly string[] = ['/v1/queue', '/v1/queue/{id}', '/v1/history', '/v1/logs', '/metrics', '/ui'];

/** Described, and not in the catalogue yet. */
export const PENDING_CODES: readonly string[] = ['not_in_queue', 'cancelled'];
