// p-queue as it comes.
import PQueue from 'p-queue';
import { cancelSome } from '../support/cancelling.js';
import { answerParent } from '../support/child.js';

const queue = new PQueue({ concurrency: 1 });
const waiters = [];
void queue.add(() => new Promise(() => {}));

function add() {
  const controller = new AbortController();
  const left = queue.add(() => undefined, { signal: controller.signal }).catch(() => undefined);
  return { controller, left };
}

function cancel({ controller, left }) {
  controller.abort();
  return left;
}

answerParent({
  fill({ count }) {
    while (waiters.length < count) waiters.push(add());
  },
  cancel: ({ count }) => cancelSome(waiters, { count, cancel, add }),
});
