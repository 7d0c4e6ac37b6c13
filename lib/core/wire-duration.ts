const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as our own requests state it: a number of seconds, or a text with its unit as in the configuration. ms; null: neither. */
export function wireDurationMs(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value * 1000 : null;
  const [, number, unit] = typeof value === 'string' ? (/^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(value) ?? []) : [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return factor === undefined ? null : Number(number) * factor;
}
