/** What one check of `doctor` has found. */
export interface Finding {
  /** What was looked at: `config`, `port`, `nvidia-smi`, a consumer's name. */
  readonly check: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it, in a sentence; null: nothing. */
  readonly fix: string | null;
}

export function ok(check: string, message: string): Finding {
  return { check, result: 'ok', message, fix: null };
}

/** It works, though not as well as it could. */
export function warn(check: string, message: string, fix: string): Finding {
  return { check, result: 'warn', message, fix };
}

/** It does not work. */
export function fail(check: string, message: string, fix: string): Finding {
  return { check, result: 'fail', message, fix };
}
