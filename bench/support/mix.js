/** Of each kind how many in a burst. A round is all of them once, in an order of its own. */
const BURSTS = [['tts', [6, 6, 6]], ['stt', [6, 5, 5]], ['llm', [2, 2]], ['image', [2]]];
const BURSTS_OF_A_ROUND = BURSTS.flatMap(([kind, sizes]) => sizes.map((size) => Array(size).fill(kind)));
const ROUNDS = 5;
const SEED = 20_261;

/** 200 of the demo's requests in bursts: always the same ones in the same order, so that two runs can be compared. */
export function mixedRequests(demoRequest) {
  return mixedKinds().map((kind, index) => shortened(demoRequest(kind, index + 1)));
}

/** A word to speak instead of a sentence, so that the bench takes two minutes and not three. */
function shortened(request) {
  if (request.kind !== 'tts') return request;
  const body = Buffer.from(JSON.stringify({ text: 'Done.' }));
  return { ...request, body, headers: { ...request.headers, 'content-length': String(body.length) } };
}

function mixedKinds() {
  const random = randomFrom(SEED);
  return Array.from({ length: ROUNDS }, () => shuffled(BURSTS_OF_A_ROUND, random)).flat(2);
}

function shuffled(items, random) {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** mulberry32: numbers from 0 to 1. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
