import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SIDE = 64;

/** A small real PNG, 64 × 64 pixels: a colour gradient that `seed` turns. */
export function gradientPng(seed: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2], 8); // 8 bit per channel, RGB
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', deflateSync(pixels(seed))), chunk('IEND', Buffer.alloc(0))]);
}

/** Rows of RGB, each after a byte that says "no filter". */
function pixels(seed: number): Buffer {
  const rows = Array.from({ length: SIDE }, (_, y) => {
    const row = Array.from({ length: SIDE }, (__, x) => [x * 4, y * 4, Math.abs(seed * 37) % 256]);
    return [0, ...row.flat()];
  });
  return Buffer.from(rows.flat());
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
