/** Fields of one log line. Never a secret, never a body. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What the services need of a logger; winston sits behind it in `lib/logging.ts`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
