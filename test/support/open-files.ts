import { readdirSync, readlinkSync } from 'node:fs';

/** Spooled bodies that this process holds open; their files have no name any more. */
export function openSpoolFiles(): number {
  return readdirSync('/proc/self/fd').filter((fd) => targetOf(fd).includes('/mgpumanager-')).length;
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Closed since the folder was read.
    return '';
  }
}
