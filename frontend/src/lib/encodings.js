// The two ways of showing flow as colour, for each pair (u, v) in px (worker/render/flow_color.py).
import { px } from "./flow.js";

export const SHOWN = 6; // px a frame: flow of this magnitude has full colour

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** Hue is direction, on white: right is red, and hue turns clockwise on the screen. */
function direction(u, v) {
  const strength = Math.min(Math.hypot(u, v) / SHOWN, 1);
  const hue = 6 * (((Math.atan2(v, u) / (2 * Math.PI)) % 1) + 1);
  const wheel = [0, 4, 2].map((turn) => clip(Math.abs(((hue + turn) % 6) - 3) - 1, 0, 1));
  return wheel.map((value) => 1 - strength * (1 - value));
}

/** u, v and magnitude as red, green, blue, on mid-grey. */
function xyMagnitude(u, v) {
  return [u, v, Math.hypot(u, v)].map((value) => 0.5 + 0.5 * clip(value / SHOWN, -1, 1));
}

export const encodings = { direction, xy: xyMagnitude };
const tables = {};

/** RGBA of every pair of stored values, u fastest: 256 x 256. Both painters colour by looking up here. */
export function table(view) {
  return (tables[view] ??= tabulate(encodings[view]));
}

function tabulate(encode) {
  const values = new Uint8ClampedArray(4 * 256 * 256); // rounds by itself, as numpy's rint does
  for (let v = 0, at = 0; v < 256; v++) {
    for (let u = 0; u < 256; u++, at += 4) {
      values.set(
        encode(px(u), px(v)).map((value) => 255 * value),
        at,
      );
      values[at + 3] = 255;
    }
  }
  return values;
}
