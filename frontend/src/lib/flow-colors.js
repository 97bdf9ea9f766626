// The two ways to show optical flow as colour, the same as in worker/render/flow_color.py.
import { toPixels } from "./flow.js";

/** @typedef {(u: number, v: number, fullSpeed: number) => number[]} FlowEncoding u, v in px to red, green, blue in [0, 1] */

const BYTES = 256; // values of a byte

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/**
 * Encode direction as hue, on white: right is red, and hue turns clockwise on the screen.
 *
 * @type {FlowEncoding}
 */
function direction(u, v, fullSpeed) {
  const strength = Math.min(Math.hypot(u, v) / fullSpeed, 1);
  const hue = 6 * (((Math.atan2(v, u) / (2 * Math.PI)) % 1) + 1);
  const pure = [0, 4, 2].map((offset) => clip(Math.abs(((hue + offset) % 6) - 3) - 1, 0, 1));
  return pure.map((value) => 1 - strength * (1 - value));
}

/**
 * Encode u, v and speed as red, green and blue, on mid-grey.
 *
 * @type {FlowEncoding}
 */
function xyMagnitude(u, v, fullSpeed) {
  return [u, v, Math.hypot(u, v)].map((value) => 0.5 + 0.5 * clip(value / fullSpeed, -1, 1));
}

/** @type {Record<string, FlowEncoding>} by the value of the query parameter `view` */
export const flowEncodings = { direction, xy: xyMagnitude };

/** @type {Map<string, Uint8ClampedArray<ArrayBuffer>>} */
const colorTables = new Map();

/**
 * Return RGBA of every pair of stored bytes (256 x 256, u varies fastest). Both renderers look colours up here.
 *
 * @param {string} view name of the encoding
 * @param {number} fullSpeed px per frame that have full colour
 */
export function colorTable(view, fullSpeed) {
  const key = `${view} ${fullSpeed}`;
  const table =
    colorTables.get(key) ??
    tabulate((u, v) => flowEncodings[view](toPixelsOrZero(u), toPixelsOrZero(v), fullSpeed));
  colorTables.set(key, table);
  return table;
}

/**
 * Decode the two bytes next to 0 as 0: on a small scale, stillness would have a colour.
 *
 * @param {number} byte
 */
function toPixelsOrZero(byte) {
  return byte === 127 || byte === 128 ? 0 : toPixels(byte);
}

/** @param {(u: number, v: number) => number[]} encode */
function tabulate(encode) {
  const table = new Uint8ClampedArray(4 * BYTES * BYTES); // rounds by itself, as numpy's rint does
  for (let v = 0, at = 0; v < BYTES; v++) {
    for (let u = 0; u < BYTES; u++, at += 4) {
      const color = encode(u, v).map((value) => 255 * value);
      table.set(color, at);
      table[at + 3] = 255;
    }
  }
  return table;
}
