/** Samples per second, 16 bit, one channel: what a small TTS model gives. */
const RATE = 22_050;
const HEADER_BYTES = 44;
const BYTES_PER_SAMPLE = 2;

/** A playable WAV: a gentle tone of `hertz` that swells like syllables. */
export function toneWav(seconds: number, hertz = 220): Buffer {
  const samples = Math.round(seconds * RATE);
  const wav = Buffer.alloc(HEADER_BYTES + samples * BYTES_PER_SAMPLE);
  writeHeader(wav, samples * BYTES_PER_SAMPLE);
  for (let i = 0; i < samples; i++) {
    const t = i / RATE;
    const swell = Math.abs(Math.sin(Math.PI * 3 * t));
    const value = Math.sin(2 * Math.PI * hertz * t) * swell * 0.3;
    wav.writeInt16LE(Math.round(value * 32_767), HEADER_BYTES + i * BYTES_PER_SAMPLE);
  }
  return wav;
}

/** The length of a WAV in seconds; null when `bytes` are none. */
export function wavSeconds(bytes: Buffer): number | null {
  const isWav = bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WAVE';
  if (!isWav || bytes.length < HEADER_BYTES) return null;
  const bytesPerSecond = bytes.readUInt32LE(28);
  return bytesPerSecond === 0 ? null : (bytes.length - HEADER_BYTES) / bytesPerSecond;
}

function writeHeader(wav: Buffer, dataBytes: number): void {
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // channels
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(RATE * BYTES_PER_SAMPLE, 28);
  wav.writeUInt16LE(BYTES_PER_SAMPLE, 32);
  wav.writeUInt16LE(BYTES_PER_SAMPLE * 8, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(dataBytes, 40);
}
