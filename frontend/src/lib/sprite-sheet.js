// A sprite sheet: one picture with many frames, sixteen in a row (worker/render/webp.py).
const COLUMNS = 16;

/** @typedef {[CanvasImageSource, number, number, number, number]} ImageRegion image, left, top, width, height: as drawImage takes them */

/**
 * Fetch and decode a picture without colour conversion: the values of a flow sheet are numbers, not colours.
 *
 * @param {string} address
 * @param {AbortSignal} signal
 */
export async function fetchBitmap(address, signal) {
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return createImageBitmap(await response.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

export class SpriteSheet {
  /** @type {CanvasRenderingContext2D | null} */
  #context = null;
  /** @type {Uint8ClampedArray<ArrayBuffer>[]} by frame */
  #bytes = [];

  /**
   * @param {ImageBitmap} bitmap
   * @param {number} frames
   */
  constructor(bitmap, frames) {
    this.bitmap = bitmap;
    this.frames = frames;
    this.columns = Math.min(frames, COLUMNS);
    this.width = bitmap.width / this.columns; // of one frame
    this.height = bitmap.height / Math.ceil(frames / this.columns);
  }

  /**
   * Return the region of a frame. Frames after the last one are the last one.
   *
   * @param {number} frame
   * @returns {ImageRegion}
   */
  region(frame) {
    const index = Math.min(frame, this.frames - 1);
    const [column, row] = [index % this.columns, Math.floor(index / this.columns)];
    return [this.bitmap, column * this.width, row * this.height, this.width, this.height];
  }

  /**
   * Return RGBA of a frame. Frames after the last one are the last one.
   *
   * @param {number} frame
   */
  bytes(frame) {
    const index = Math.min(frame, this.frames - 1);
    this.#bytes[index] ??= this.#read(index);
    return this.#bytes[index];
  }

  /** @param {number} frame */
  #read(frame) {
    this.#context ??= createContext(this.width, this.height, { willReadFrequently: true });
    this.#context.drawImage(...this.region(frame), 0, 0, this.width, this.height);
    return this.#context.getImageData(0, 0, this.width, this.height).data;
  }

  close() {
    this.bitmap.close();
  }
}

/**
 * Return the 2D context of a new canvas that is not in the page.
 *
 * @param {number} width
 * @param {number} height
 * @param {CanvasRenderingContext2DSettings} [options]
 */
export function createContext(width, height, options) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return get2dContext(canvas, options);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [options]
 */
export function get2dContext(canvas, options) {
  const context = canvas.getContext("2d", options);
  if (!context) throw new Error("The browser has no 2D canvas.");
  return context;
}
