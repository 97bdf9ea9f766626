// Renders motion and warped pictures on the CPU, for browsers without WebGL2.
import { createContext } from "./sprite-sheet.js";

export const name = "canvas";
const scratch = createContext(1, 1);

/**
 * Render a field of flow in the colours of a table.
 *
 * @param {import("./flow.js").Flow} flow
 * @param {number} frame
 * @param {Uint8ClampedArray<ArrayBuffer>} colorTable
 * @returns {import("./sprite-sheet.js").ImageRegion}
 */
export function renderMotion(flow, frame, colorTable) {
  const colors = new Uint32Array(colorTable.buffer);
  const field = flow.bytes(frame);
  return render(flow, (pixel) => colors[field[4 * pixel] | (field[4 * pixel + 1] << 8)]);
}

/**
 * Render an image warped to a frame.
 *
 * @param {import("./warp.js").Warp} warp
 * @param {import("./sprite-sheet.js").SpriteSheet} image
 * @param {number} frame
 * @returns {import("./sprite-sheet.js").ImageRegion}
 */
export function renderWarped(warp, image, frame) {
  const sources = warp.sources(frame);
  const { width, height } = warp;
  const bytes = image.bytes(0);
  return render(warp, (pixel) => {
    const [x, y] = [sources[2 * pixel], sources[2 * pixel + 1]];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [a, b] = [x - left, y - top];
    const corner = 4 * (top * width + left);
    const [right, down] = [left + 1 < width ? 4 : 0, top + 1 < height ? 4 * width : 0];
    let color = 0xff000000;
    for (let channel = 0, at = corner; channel < 3; channel++, at++) {
      const above = bytes[at] * (1 - a) + bytes[at + right] * a;
      const below = bytes[at + down] * (1 - a) + bytes[at + down + right] * a;
      color |= Math.round(above * (1 - b) + below * b) << (8 * channel);
    }
    return color;
  });
}

/**
 * @param {{ width: number, height: number }} size
 * @param {(pixel: number) => number} colorOf RGBA of a pixel in one little-endian integer
 * @returns {import("./sprite-sheet.js").ImageRegion}
 */
function render({ width, height }, colorOf) {
  Object.assign(scratch.canvas, { width, height });
  const picture = scratch.createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer); // little-endian, as every machine with a browser is
  for (let pixel = 0; pixel < pixels.length; pixel++) pixels[pixel] = colorOf(pixel);
  scratch.putImageData(picture, 0, 0);
  return [scratch.canvas, 0, 0, width, height];
}
