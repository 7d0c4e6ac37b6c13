import { describe, expect, test } from '@jest/globals';
import { readSelfReport } from '../../../lib/core/health.ts';

describe('what a consumer says of itself in', () => {
  test.each([
    [{ loaded: true, gpu_resident_mib: 2800 }, { loaded: true, usedMib: 2800 }],
    [{ loaded: false, gpu_resident_mib: 0 }, { loaded: false, usedMib: 0 }],
    [{ gpu_resident_mib: 12.5 }, { loaded: null, usedMib: 12.5 }],
    [{ loaded: true, status: 'ok' }, { loaded: true, usedMib: null }],
    [{ status: 'ok' }, { loaded: null, usedMib: null }],
  ])('%j is understood', (body, report) => {
    expect(readSelfReport(body)).toEqual(report);
  });

  test.each([
    [null],
    [undefined],
    ['ok'],
    [42],
    [[true]],
    [{ loaded: 'yes', gpu_resident_mib: '2800' }],
    [{ loaded: 1, gpu_resident_mib: null }],
    [{ gpu_resident_mib: -1 }],
    [{ gpu_resident_mib: Number.NaN }],
    [{ gpu_resident_mib: Number.POSITIVE_INFINITY }],
  ])('%j is unknown, never 0', (body) => {
    expect(readSelfReport(body)).toEqual({ loaded: null, usedMib: null });
  });
});
