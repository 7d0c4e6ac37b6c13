import { styleText } from 'node:util';

export type Style = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

/** Paints a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** A Paint for an output with or without colours. */
export function painter(color: boolean): Paint {
  return (style, text) => (color ? styleText(style, text, { validateStream: false }) : text);
}

/** A number, or a dash where it is not known. */
export function count(value: number | null): string {
  return value === null ? '-' : String(Math.round(value));
}

/** Memory with its unit, or `unknown`. */
export function mib(value: number | null): string {
  return value === null ? 'unknown' : `${Math.round(value)} MiB`;
}

/** Memory for people: `9.8 GiB`, `512 MiB`, or `unknown`. */
export function gib(value: number | null): string {
  return value === null || value < 1024 ? mib(value) : `${(value / 1024).toFixed(1)} GiB`;
}

/** A duration in ms for people: `12 ms`, `3.4 s`, `2 m 5 s`, `3 h 10 m`; a dash where it is not known. */
export function duration(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} m ${Math.floor(ms / 1000) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/** How long ago something was: `8s ago`, `3m ago`; a dash where it never was. Clocks may differ, so the future is now. */
export function ago(then: Date | null, now: Date): string {
  if (then === null) return '-';
  const seconds = Math.max(0, Math.floor((now.getTime() - then.getTime()) / 1000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

/** A moment in the time of this machine: `2026-11-21 12:00:00`; a dash where it is not known. */
export function moment(then: Date | null): string {
  if (then === null) return '-';
  const parts = [then.getFullYear(), then.getMonth() + 1, then.getDate(), then.getHours(), then.getMinutes(), then.getSeconds()];
  const [year, month, day, hour, minute, second] = parts.map((part) => String(part).padStart(2, '0'));
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`;
}

/** The time of day of a moment, on this machine: `12:00:00`; a dash where it is not known. */
export function timeOfDay(then: Date | null): string {
  return then === null ? '-' : moment(then).slice(-8);
}

/** The characters of our own words that a terminal without UTF-8 has not, in its own. */
export function ownAscii(text: string): string {
  return text.replaceAll('–', '-').replaceAll('…', '...').replaceAll('→', '->');
}

/** A text from elsewhere without the characters that could command the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
}
