import { describe, expect, test } from '@jest/globals';
import { codeLabel, consumerLabel, disconnectLabel, kindLabel, outcomeLabel, rejectionLabel } from '../../../lib/metrics/labels.ts';
import { finished } from '../../support/occurrences.ts';

describe('a label has few values, whatever comes:', () => {
  test.each([
    ['tts', 'tts'],
    ['native', 'native'],
    ['lease', 'lease'],
    [null, 'own'],
    ['kind-of-somebody', 'other'],
  ])('kind %j is %s', (kind, label) => {
    expect(kindLabel(kind)).toBe(label);
  });

  test.each([
    ['mvoice', 'mvoice'],
    ['gone', 'other'],
    [null, 'none'],
  ])('consumer %j is %s', (name, label) => {
    expect(consumerLabel(name, new Map([['mvoice', {}]]))).toBe(label);
  });

  test.each([
    [200, null, '2xx'],
    [101, null, '1xx'],
    [404, null, '4xx'],
    [503, null, '5xx'],
    [null, null, 'none'],
    [429, 'queue_full', 'queue_full'],
    [503, 'told-by-a-consumer', 'other'],
  ])('status %j with error %j is code %s', (status, error, label) => {
    expect(codeLabel({ status, error })).toBe(label);
  });
});

describe('a request was refused by the broker', () => {
  test.each([
    [429, 'queue_full', 'queue_full'],
    [401, 'unauthorized', 'unauthorized'],
    [503, 'consumer_unreachable', 'consumer_unreachable'],
    [502, 'consumer_unreachable', null],
    [504, 'consumer_timeout', null],
    [500, 'consumer_error', null],
    [500, null, null],
    [200, null, null],
  ])('with %d %j for the reason %j', (status, error, reason) => {
    expect(rejectionLabel({ status, error })).toBe(reason);
  });
});

describe('a request ended for its client', () => {
  test.each([
    ['ok', finished()],
    ['error', finished({ status: 500 })],
    ['error', finished({ status: 404 })],
    ['error', finished({ status: 504, error: 'consumer_timeout' })],
    ['rejected', finished({ status: 429, error: 'queue_full' })],
    ['cut', finished({ cut: 'consumer broke off' })],
    ['client_left', finished({ cut: 'client left' })],
    ['client_left', finished({ status: 408, error: 'request_timeout', cut: 'client idle' })],
  ])('as %s', (outcome, event) => {
    expect(outcomeLabel(event)).toBe(outcome);
  });
});

describe('a client left', () => {
  test.each([
    ['answering', finished({ cut: 'client left' })],
    ['running', finished({ cut: 'client left', upstream_ms: null })],
    ['waiting', finished({ cut: 'client left', upstream_ms: null, queue_ms: null })],
    [null, finished()],
    [null, finished({ cut: 'consumer broke off' })],
  ])('while it was %s', (phase, event) => {
    expect(disconnectLabel(event)).toBe(phase);
  });
});
