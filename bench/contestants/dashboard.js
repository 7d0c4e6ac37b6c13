// One open dashboard: the page's own modules, which follow the events and the log and ask for the queue, without a browser that draws it.
import { setPriority } from 'node:os';
import { answerParent } from '../support/child.js';

/** A browser is on another machine; here it takes the core only when nobody else wants it. */
const LEAST_PRIORITY = 19;

let questions = 0;

function live(connection) {
  return new Promise((resolve) => {
    connection.subscribe(({ state }) => {
      if (state === 'live') resolve();
    });
  });
}

answerParent({
  /** Opens the page of the broker at `port`. Resolves when it is live. */
  async open({ port }) {
    setPriority(LEAST_PRIORITY);
    const ask = globalThis.fetch;
    globalThis.fetch = (path, options) => {
      questions += 1;
      return ask(new URL(path, `http://127.0.0.1:${port}`), options);
    };
    globalThis.document = { hidden: false };
    const parts = await Promise.all(['store', 'log'].map((name) => import(`../../ui/${name}.js`)));
    for (const { start } of parts) start();
    await Promise.all(parts.map(({ connection }) => live(connection)));
  },
  /** How often it has asked for something, and the newest event that it shows. */
  async seen() {
    const { view } = await import('../../ui/store.js');
    return { questions, lastId: view.value.lastId };
  },
});
