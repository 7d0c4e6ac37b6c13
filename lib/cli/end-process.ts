/** A log that nobody takes must not keep the process from ending. ms. */
const FLUSH_LIMIT_MS = 1000;

/**
 * Ends the process once its last lines are written. Returning is not enough for a daemon: under PM2 the channel to PM2 keeps
 * the process alive until it is killed.
 */
export function endProcess(code: number): void {
  const exit = (): void => process.exit(code);
  setTimeout(exit, FLUSH_LIMIT_MS);
  process.stdout.write('', exit);
}
