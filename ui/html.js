import htm from 'htm';
import { h } from 'preact';

/** Markup as a tagged template. Values in it become text, never markup. */
export const html = htm.bind(h);
