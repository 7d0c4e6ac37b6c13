import uPlot from 'uplot';
import { clock } from './words.js';
/** @import { Row } from './types.ts' */

const HEIGHT_PX = 220;
/** Of the marks of loads and evictions. px of the screen. */
const MARK_PX = 5;
const MIB_PER_GIB = 1024;
/** Between two times that are written, which have no seconds. s. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360].map((minutes) => minutes * 60);

/**
 * Draws memory over time: layers that lie on each other, and marks where something was loaded or unloaded.
 * @param {HTMLElement} place
 * @param {{ readonly names: readonly string[], readonly rows: () => readonly Row[], readonly range: () => [number, number], readonly totalMib: () => number }} options
 */
export function plotIn(place, { names, rows, range, totalMib }) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const text = colour('--quiet');
  const axis = { stroke: text, grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  return new uPlot({
    width: place.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { range }, y: { range: () => [0, totalMib()] } },
    axes: [{ ...axis, size: 28, incrs: STEPS_S, values: (_plot, times) => times.map((s) => clock(s * 1000).slice(0, 5)) }, { ...axis, size: 56, values: (_plot, values) => values.map((mib) => `${(mib / MIB_PER_GIB).toFixed(0)} GiB`), incrs: [1, 2, 4, 8, 16, 32, 64].map((gib) => gib * MIB_PER_GIB) }],
    // Each is filled down to nothing, and the next, which is lower, is drawn over it.
    series: [
      {},
      { stroke: text, fill: colour('--other'), width: 1, points: { show: false } },
      { stroke: text, fill: () => hatch(text, colour('--surface')), width: 1, points: { show: false } },
      ...names.map((_, index) => ({ stroke: colour('--surface'), fill: colour(`--look-${(names.length - 1 - index) % 8}`), width: 1, points: { show: false } })),
    ],
    hooks: { draw: [(plot) => mark(plot, rows(), colour('--text'))] },
  }, [[], [], [], ...names.map(() => [])], place);
}

/**
 * @param {string} line
 * @param {string} ground
 * @returns {CanvasPattern | string}
 */
function hatch(line, ground) {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const context = tile.getContext('2d');
  if (context === null) return line;
  context.fillStyle = ground;
  context.fillRect(0, 0, 8, 8);
  context.strokeStyle = line;
  context.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    context.moveTo(shift, 8);
    context.lineTo(shift + 8, 0);
  }
  context.stroke();
  return context.createPattern(tile, 'repeat') ?? line;
}

/**
 * @param {uPlot} plot
 * @param {readonly Row[]} rows
 * @param {string} colour
 */
function mark(plot, rows, colour) {
  const { ctx: context, bbox } = plot;
  const half = MARK_PX * devicePixelRatio;
  context.save();
  context.fillStyle = colour;
  for (const { at, what } of rows) {
    const x = plot.valToPos(at / 1000, 'x', true);
    if ((what !== 'unload' && what !== 'load') || x < bbox.left || x > bbox.left + bbox.width) continue;
    const [base, tip] = what === 'unload' ? [bbox.top, bbox.top + 2 * half] : [bbox.top + 2 * half, bbox.top];
    context.beginPath();
    context.moveTo(x - half, base);
    context.lineTo(x + half, base);
    context.lineTo(x, tip);
    context.fill();
  }
  context.restore();
}
