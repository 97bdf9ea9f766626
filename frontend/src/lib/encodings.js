// The two ways of showing flow as colour, for each pair (u, v) in px (worker/render/flow_color.py).
import { px } from "./flow.js";

export const SHOWN = 6; // px a frame: motion of a stimulus so fast has full colour

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** Hue is direction, on white: right is red, and hue turns clockwise on the screen. */
function direction(u, v, full) {
  const strength = Math.min(Math.hypot(u, v) / full, 1);
  const hue = 6 * (((Math.atan2(v, u) / (2 * Math.PI)) % 1) + 1);
  const wheel = [0, 4, 2].map((turn) => clip(Math.abs(((hue + turn) % 6) - 3) - 1, 0, 1));
  return wheel.map((value) => 1 - strength * (1 - value));
}

/** u, v and magnitude as red, green, blue, on mid-grey. */
function xyMagnitude(u, v, full) {
  return [u, v, Math.hypot(u, v)].map((value) => 0.5 + 0.5 * clip(value / full, -1, 1));
}

export const encodings = { direction, xy: xyMagnitude };
const tables = {};

/** RGBA of every pair of stored values, u fastest: 256 x 256. Both painters colour by looking up here. `full`: px a
 * frame that have full colour. */
export function table(view, full = SHOWN) {
  const of = full === SHOWN ? px : resolved;
  tables[`${view} ${full}`] ??= tabulate((u, v) => encodings[view](of(u), of(v), full));
  return tables[`${view} ${full}`];
}

// On a small scale, what is nearest to 0 would show a colour that it may not have.
const resolved = (byte) => (byte === 127 || byte === 128 ? 0 : px(byte));

function tabulate(encode) {
  const values = new Uint8ClampedArray(4 * 256 * 256); // rounds by itself, as numpy's rint does
  for (let v = 0, at = 0; v < 256; v++) {
    for (let u = 0; u < 256; u++, at += 4) {
      values.set(
        encode(u, v).map((value) => 255 * value),
        at,
      );
      values[at + 3] = 255;
    }
  }
  return values;
}
