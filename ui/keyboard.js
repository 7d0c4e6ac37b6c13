import { isPaused } from './log.js';

/** Ids of what the keys go to. */
export const FILTER_ID = 'log-filter';
export const HELP_ID = 'help';

/** Keys of the page: none while somebody types, none with Ctrl, Alt or Meta, which are the browser's. */
export function listenToKeys() {
  document.addEventListener('keydown', (event) => {
    const { target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || (target instanceof Element && target.closest('input, select, textarea, dialog') !== null)) return;
    if (event.key === '/') document.getElementById(FILTER_ID)?.focus();
    else if (event.key === '?') openHelp();
    else if (event.key === 'p') isPaused.value = !isPaused.value;
    else return;
    event.preventDefault();
  });
}

export function openHelp() {
  const dialog = document.getElementById(HELP_ID);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}
