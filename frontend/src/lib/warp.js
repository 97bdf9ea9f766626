// Warps the first frame along optical flow, as `warp_along_flow` in worker/render/stimulus.py does: frame t + 1 at p
// is frame t at p - flow_t(p). Every frame is sampled from the first one, so that blur does not add up.
import { toPixels } from "./flow.js";

/** The source positions of pixels: where in the first frame each pixel of each later frame comes from. */
export class Warp {
  /** @type {Float32Array<ArrayBuffer>[]} by frame */
  #sources;

  /** @param {import("./flow.js").Flow} flow */
  constructor(flow) {
    this.flow = flow;
    this.width = flow.width;
    this.height = flow.height;
    this.#sources = [identity(flow.width, flow.height)];
  }

  /**
   * Return (x, y) in the first frame for every pixel of a frame, row by row. Computed when first asked for.
   *
   * @param {number} frame
   */
  sources(frame) {
    while (this.#sources.length <= frame) {
      const previous = this.#sources.length - 1;
      const field = this.flow.bytes(previous);
      this.#sources.push(moveAlong(this.#sources[previous], field, this.width, this.height));
    }
    return this.#sources[frame];
  }
}

/**
 * @param {number} width
 * @param {number} height
 */
function identity(width, height) {
  const sources = new Float32Array(2 * width * height);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      sources[at++] = x;
      sources[at++] = y;
    }
  }
  return sources;
}

/**
 * Return the sources of the next frame: those of this one, interpolated at p - flow(p).
 *
 * @param {Float32Array} sources
 * @param {Uint8ClampedArray} field RGBA of the flow to the next frame
 * @param {number} width
 * @param {number} height
 */
function moveAlong(sources, field, width, height) {
  const next = new Float32Array(sources.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 2) {
      const fromX = Math.min(Math.max(x - toPixels(field[2 * at]), 0), width - 1);
      const fromY = Math.min(Math.max(y - toPixels(field[2 * at + 1]), 0), height - 1);
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      const [right, down] = [left + 1 < width ? 2 : 0, top + 1 < height ? 2 * width : 0];
      const [a, b] = [fromX - left, fromY - top];
      for (let axis = 0, corner = 2 * (top * width + left); axis < 2; axis++, corner++) {
        const above = sources[corner] * (1 - a) + sources[corner + right] * a;
        const below = sources[corner + down] * (1 - a) + sources[corner + down + right] * a;
        next[at + axis] = above * (1 - b) + below * b;
      }
    }
  }
  return next;
}
