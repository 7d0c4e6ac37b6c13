/** What the exit codes of every command mean; docs/cli.md says the same. */
export const EXIT = {
  fine: 0,
  failed: 1,
  usage: 2,
  invalidConfig: 3,
  taken: 4,
  unreachable: 5,
  unhealthy: 6,
} as const;

/** The codes in words, for the help. */
export const EXIT_WORDS: readonly (readonly [number, string])[] = [
  [EXIT.fine, 'fine'],
  [EXIT.failed, 'failed'],
  [EXIT.usage, 'wrong usage'],
  [EXIT.invalidConfig, 'invalid configuration'],
  [EXIT.taken, 'port taken, or card already managed by another daemon'],
  [EXIT.unreachable, 'daemon not reachable'],
  [EXIT.unhealthy, 'something is unhealthy (status)'],
];
