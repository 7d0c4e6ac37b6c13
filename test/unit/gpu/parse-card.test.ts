import { describe, expect, test } from '@jest/globals';
import { parseCard } from '../../../lib/gpu/parse.ts';

const UUID = 'GPU-5206045b-2a1c-1e7d-6c60-d7c367d02376';
const OTHER = 'GPU-00000000-2a1c-1e7d-6c60-d7c367d02376';
const ROW = `0, ${UUID}, NVIDIA GeForce RTX 3090, 24576, 8963, 15156\n`;
const LOST = 'Unable to determine the device handle for GPU0: 0000:0A:00.0: GPU is lost.  Reboot the system to recover this GPU\n';

test('a row gives the card; used and free need not add up to the total', () => {
  expect(parseCard(ROW, 0)).toEqual({
    ok: true,
    card: { uuid: UUID, name: 'NVIDIA GeForce RTX 3090', totalMib: 24576, usedMib: 8963, freeMib: 15156 },
  });
});

test('rows of other cards and remarks before and after are skipped', () => {
  const other = `1, ${OTHER}, NVIDIA A2, 15356, 1, 15000\n`;
  expect(parseCard(`${other}${LOST}ECC error\n${ROW}${other}`, 0)).toEqual(parseCard(ROW, 0));
  expect(parseCard(`${ROW}${other}`, 1)).toMatchObject({ ok: true, card: { uuid: OTHER, freeMib: 15000 } });
});

describe('a field without a value is null', () => {
  test.each(['[N/A]', 'N/A', '[Not Supported]', '[Unknown Error]', '[GPU is lost]', '[Insufficient Permissions]', 'ERR!', '-1', '1.5', '24576 MiB', '1e3', '', '٣', '123456789'])('%s', (odd) => {
    expect(parseCard(`0, ${odd}, ${odd}, ${odd}, ${odd}, 15156\n`, 0)).toMatchObject({
      ok: true,
      card: { uuid: null, totalMib: null, usedMib: null, freeMib: 15156 },
    });
  });
});

describe('without free memory there is no reading', () => {
  test.each([
    ['unified memory', `0, ${UUID}, NVIDIA GB10, [N/A], [N/A], [N/A]\n`, 'memory.free is "[N/A]", expected MiB'],
    ['a lost card', `0, ${UUID}, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]\n`, 'memory.free is "[GPU is lost]", expected MiB'],
    ['unknown error', `0, ${UUID}, x, 24576, 1, [Unknown Error]\n`, 'memory.free is "[Unknown Error]", expected MiB'],
    ['no rights', `0, ${UUID}, x, 24576, 1, [Insufficient Permissions]\n`, 'memory.free is "[Insufficient Permissions]", expected MiB'],
    ['reset needed', `0, ${UUID}, x, 24576, 1, [GPU requires reset]\n`, 'memory.free is "[GPU requires reset]", expected MiB'],
    ['a negative number', `0, ${UUID}, x, 24576, 1, -5\n`, 'memory.free is "-5", expected MiB'],
    ['a unit', `0, ${UUID}, x, 24576 MiB, 1 MiB, 24000 MiB\n`, 'memory.free is "24000 MiB", expected MiB'],
    ['a huge number', `0, ${UUID}, x, 24576, 1, 99999999999999999999\n`, 'memory.free is "99999999999999999999", expected MiB'],
    ['more free than there is', `0, ${UUID}, x, 100, 0, 200\n`, '200 MiB free of only 100'],
    ['a card without memory', `0, ${UUID}, x, 0, 0, 0\n`, 'memory.total is 0'],
    ['too few columns', `0, ${UUID}, x, 24576, 15156\n`, '5 columns for a GPU, expected 6'],
    ['too many columns', `0, ${UUID}, Acme, Inc, 24576, 1, 24000\n`, '7 columns for a GPU, expected 6'],
    ['two rows', ROW + ROW, '2 rows for GPU 0'],
    ['a row that was cut', ROW.slice(0, -3), 'no row for GPU 0'],
    ['only another card', `1, ${OTHER}, x, 24576, 1, 15156\n`, 'no row for GPU 0'],
    ['nothing', '', 'no row for GPU 0'],
    ['a decimal comma', `0, ${UUID}, x, 24.576,5, 8,9, 15,1\n`, 'memory.free is "15,1", expected MiB'],
    ['no driver', "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n\n", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running."],
    ['no card', 'No devices were found\n', 'No devices were found'],
    ['another library', 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.173\n', 'Failed to initialize NVML: Driver/library version mismatch'],
    ['no rights at all', 'Failed to initialize NVML: Insufficient Permissions\n', 'Failed to initialize NVML: Insufficient Permissions'],
    ['lost', LOST, LOST.trim()],
    ['an old driver', 'Field "memory.free" is not a valid field to query.\n', 'Field "memory.free" is not a valid field to query.'],
    ['no library', "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. \n", "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system."],
    ['a terminal sequence', '\u001b[31mred\n', '[31mred'],
    ['another language', 'Keine Geräte gefunden\n', 'Keine Geräte gefunden'],
    ['a long line', `${'x'.repeat(5000)}\n`, `${'x'.repeat(160)}…`],
  ])('%s', (_, text, error) => {
    expect(parseCard(text, 0)).toEqual({ ok: false, error });
  });
});
