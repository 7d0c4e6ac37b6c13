import { effect, signal, untracked } from '@preact/signals';

const NAME = 'mgpumanager-key';

/** The key that was typed into this page; empty: none was. Kept until its tab is closed, and nowhere else. */
export const key = signal(stored());

/**
 * Takes another key; empty: forgets it.
 * @param {string} text
 */
export function setKey(text) {
  key.value = text.trim();
  try {
    if (key.value === '') sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, key.value);
  } catch {
    // A browser that keeps nothing: it lasts until the page is left.
  }
}

/**
 * Begins something, and begins it anew with each other key.
 * @param {() => () => void} begin returns how to end it
 */
export function withEachKey(begin) {
  let end = () => {};
  effect(() => {
    key.value;
    // What it reads and changes at once is no reason to begin anew.
    untracked(() => {
      end();
      end = begin();
    });
  });
}

function stored() {
  try {
    return sessionStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}
