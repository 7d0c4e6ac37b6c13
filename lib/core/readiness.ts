/** What readiness looks at. */
export interface ReadinessFacts {
  readonly isDraining: boolean;
  readonly consumers: readonly { readonly name: string; readonly isProbed: boolean }[];
}

/** Why the daemon is not ready; empty: it is. */
export function unreadyReasons({ isDraining, consumers }: ReadinessFacts): string[] {
  const unprobed = consumers.filter((consumer) => !consumer.isProbed).map((consumer) => `${consumer.name} has not been probed yet`);
  return isDraining ? ['shutting down', ...unprobed] : unprobed;
}
