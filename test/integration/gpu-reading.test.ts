import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { GpuProcess } from '../../lib/core/model.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { readerOf } from '../support/gpu-reader.ts';

const NO_ATTRIBUTION = { uses: new Map(), foreign: [], unknownHolders: [] };
const LOST = 'Unable to determine the device handle for GPU0: 0000:0A:00.0: GPU is lost.  Reboot the system to recover this GPU';
let card: FakeCard;

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
});

afterEach(() => card.cleanup());

test('a reading is a sample of the card, with what attribution makes of its processes', async () => {
  card.hold('tts', 2800);
  const seen: (readonly GpuProcess[])[] = [];
  const before = performance.now();
  const reader = readerOf(card, {
    attribute: async ({ processes }) => {
      seen.push(processes);
      return NO_ATTRIBUTION;
    },
  });
  const reading = await reader.read();
  expect(reading).toMatchObject({
    ok: true,
    sample: { uuid: card.uuid, name: 'Simulated RTX', totalMib: 16_376, usedMib: 2800, freeMib: 13_576, attribution: NO_ATTRIBUTION },
  });
  expect(seen).toEqual([[{ pid: process.pid, name: 'tts', usedMib: 2800 }]]);
  expect(reading.ok && reading.sample.startedAt).toBeGreaterThanOrEqual(before);
});

test('what processes have taken between the two calls of a reading is not free', async () => {
  // As in a load: the list of processes comes later, and shows more than the card did.
  card.hold('tts', 2100);
  const grown = join(card.dir, 'processes', String(process.pid));
  card.setMode(`case "$3" in --query-compute-apps*) echo 'tts,3000' >'${grown}' ;; esac`);
  const reading = await readerOf(card).read();
  expect(reading).toMatchObject({ ok: true, sample: { usedMib: 2100, freeMib: 13_376 } });
});

describe('a reading fails and says why', () => {
  const driver = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.";
  test.each([
    ['the driver is not loaded', `echo "${driver}"; echo; exit 9`, `nvidia-smi: ${driver} (exit 9)`],
    ['no card', 'echo "No devices were found"; exit 6', 'nvidia-smi: No devices were found (exit 6)'],
    ['library mismatch', 'echo "Failed to initialize NVML: Driver/library version mismatch"; echo "NVML library version: 580.173"; exit 18', 'nvidia-smi: Failed to initialize NVML: Driver/library version mismatch (exit 18)'],
    ['no rights', 'echo "Failed to initialize NVML: Insufficient Permissions"; exit 4', 'nvidia-smi: Failed to initialize NVML: Insufficient Permissions (exit 4)'],
    ['lost', `echo "${LOST}"; exit 15`, `nvidia-smi: ${LOST} (exit 15)`],
    ['an old driver', `echo 'Field "memory.free" is not a valid field to query.'; exit 2`, 'nvidia-smi: Field "memory.free" is not a valid field to query. (exit 2)'],
    ['an error on stderr', 'echo "error while loading shared libraries" >&2; exit 127', 'nvidia-smi: error while loading shared libraries (exit 127)'],
    ['a failure without a word', 'exit 255', 'nvidia-smi: no row for GPU 0 (exit 255)'],
    ['no output', 'exit 0', 'nvidia-smi: no row for GPU 0'],
    ['unified memory', 'echo "0, GPU-5206045b-2a1c, NVIDIA GB10, [N/A], [N/A], [N/A]"; exit 0', 'nvidia-smi: memory.free is "[N/A]", expected MiB'],
    ['garbage', 'printf "\\377\\000\\033[31m garbage\\n"; exit 0', 'nvidia-smi: \ufffd  [31m garbage'],
    ['an endless answer', 'while :; do echo "0, 0, 0, 0, 0, 0"; done', 'nvidia-smi printed more than 262144 bytes'],
    ['an endless complaint', 'while :; do echo "no"; done >&2', 'nvidia-smi printed more than 262144 bytes'],
    ['a crash', 'kill -SEGV $$', 'nvidia-smi was killed by a signal'],
  ])('%s', async (_, mode, error) => {
    card.setMode(mode);
    const reader = readerOf(card);
    expect(await reader.read()).toMatchObject({ ok: false, error });
    card.clearMode();
    expect(await reader.read()).toMatchObject({ ok: true });
  });
});

test('a good row of our card stands although another card makes nvidia-smi fail', async () => {
  card.setMode(`trap 'echo "Unable to determine the device handle for GPU1: GPU is lost."; exit 15' EXIT`);
  expect(await readerOf(card).read()).toMatchObject({ ok: true, sample: { freeMib: 16_376, attribution: null } });
});

describe('without a good list of processes the sample stands, and attribution is unknown', () => {
  test.each([
    ['it fails', 'echo "Unknown Error"; exit 255'],
    ['it fails without a word', 'exit 9'],
    ['it is garbage', 'echo garbage; exit 0'],
    ['it is too long', 'while :; do echo "0, 0, 0, 0"; done'],
  ])('%s', async (_, mode) => {
    card.setMode(`case "$3" in *compute-apps*) ${mode} ;; esac`);
    const reader = readerOf(card, { attribute: async () => NO_ATTRIBUTION });
    expect(await reader.read()).toMatchObject({ ok: true, sample: { freeMib: 16_376, attribution: null } });
  });
});

describe('nvidia-smi that cannot be started', () => {
  let bin: string;

  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'mgpu-bin-'));
  });

  afterEach(() => rmSync(bin, { recursive: true }));

  test('is missing', async () => {
    const reader = readerOf(card, { env: { PATH: bin } });
    expect(await reader.read()).toMatchObject({ ok: false, error: 'nvidia-smi was not found on PATH' });
  });

  test('may not be executed', async () => {
    writeFileSync(join(bin, 'nvidia-smi'), '#!/bin/sh\n');
    const reader = readerOf(card, { env: { PATH: bin } });
    expect(await reader.read()).toMatchObject({ ok: false, error: 'nvidia-smi could not be started: EACCES' });
  });

  test('is no program', async () => {
    writeFileSync(join(bin, 'nvidia-smi'), '\u007fELF broken');
    chmodSync(join(bin, 'nvidia-smi'), 0o755);
    const reader = readerOf(card, { env: { PATH: bin } });
    expect(await reader.read()).toMatchObject({ ok: false, error: expect.stringMatching(/^nvidia-smi/) });
  });
});

test('nvidia-smi speaks English whatever the language of the daemon is', async () => {
  card.setMode('[ "$LC_ALL" = C ] || { echo "Keine Geräte gefunden"; exit 6; }');
  expect(await readerOf(card, { env: { ...card.env, LC_ALL: 'de_DE.UTF-8' } }).read()).toMatchObject({ ok: true });
});
