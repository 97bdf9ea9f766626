// Where each pixel of a later frame comes from in the first, as worker/render/encode.py (`carried`) has it:
// frame t + 1 at p is frame t at p - flow_t(p). Every frame is sampled from the first, so blur does not add up.
import { px } from "./flow.js";

export class Carry {
  #places;

  constructor(flow) {
    this.flow = flow;
    ({ width: this.width, height: this.height } = flow);
    this.#places = [still(flow.width, flow.height)];
  }

  /** (x, y) of every pixel's source in the first frame, row by row; found when first asked for. */
  places(frame) {
    while (this.#places.length <= frame) {
      const field = this.#places.length - 1;
      this.#places.push(follow(this.#places[field], this.flow.bytes(field), this.width, this.height));
    }
    return this.#places[frame];
  }
}

function still(width, height) {
  const places = new Float32Array(2 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      places[at++] = x;
      places[at++] = y;
    }
  }
  return places;
}

function follow(places, field, width, height) {
  const next = new Float32Array(places.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 2) {
      const fromX = Math.min(Math.max(x - px(field[2 * at]), 0), width - 1);
      const fromY = Math.min(Math.max(y - px(field[2 * at + 1]), 0), height - 1);
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      const [right, down] = [left + 1 < width ? 2 : 0, top + 1 < height ? 2 * width : 0];
      const [a, b] = [fromX - left, fromY - top];
      for (let axis = 0, corner = 2 * (top * width + left); axis < 2; axis++, corner++) {
        const above = places[corner] * (1 - a) + places[corner + right] * a;
        const below = places[corner + down] * (1 - a) + places[corner + down + right] * a;
        next[at + axis] = above * (1 - b) + below * b;
      }
    }
  }
  return next;
}
