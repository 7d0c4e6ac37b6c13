const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** As RFC 3339, or a day, or without seconds. A `+` that was not escaped in a URL arrives as a space. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+\- ]\d{2}:\d{2})?)?$/;

/**
 * A moment as people write it in a URL: `2026-01-31T12:00:00Z`, without a zone in UTC, or how long before now, such as `2h` or `7d`.
 * ms since 1970; null: neither.
 */
export function instantIn(text: string, nowMs: number): number | null {
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,6})?)([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return nowMs - Number(number) * (UNITS[unit] ?? 0);
  const [, day, time = '00:00', zone = 'Z'] = INSTANT.exec(text) ?? [];
  const instant = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone.replace(' ', '+')}`);
  return Number.isNaN(instant) ? null : instant;
}
