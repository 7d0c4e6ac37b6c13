import { constants, crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Bytes of a pixel. */
const RGB = 3;

/** How a picture looks. */
export interface Picture {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Of its 32 bits 24 tell: another seed is another picture. */
  readonly seed: number;
}

/** A real PNG: a colour gradient that the seed turns. */
export function gradientPng(picture: Picture): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(picture.width, 0);
  header.writeUInt32BE(picture.height, 4);
  header.set([8, 2], 8); // 8 bit per channel, RGB
  const data = deflateSync(pixels(picture), { level: constants.Z_BEST_SPEED });
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

/** Rows of RGB, each after a byte that says "no filter". */
function pixels({ width, height, seed }: Picture): Buffer {
  const all = Buffer.alloc(height * (1 + width * RGB));
  let at = 0;
  for (let y = 0; y < height; y++) {
    at += 1;
    const green = (y * 256) / height + (seed >>> 8);
    for (let x = 0; x < width; x++) {
      all[at] = (x * 256) / width + (seed >>> 16);
      all[at + 1] = green;
      all[at + 2] = seed;
      at += RGB;
    }
  }
  return all;
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
