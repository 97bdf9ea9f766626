// Paints motion and carried pictures with the processor alone, where there is no WebGL2.
import { surface } from "./sheet.js";

export const kind = "canvas";
const scratch = surface(1, 1);

/** The picture of a field in the colours of a table, as drawImage takes it. */
export function motion(flow, frame, table) {
  const colours = new Uint32Array(table.buffer);
  const field = flow.bytes(frame);
  return paint(flow, (pixel) => colours[field[4 * pixel] | (field[4 * pixel + 1] << 8)]);
}

/** The image as it lies at a frame, as drawImage takes it. */
export function carried(carry, image, frame) {
  const places = carry.places(frame);
  const { width, height } = carry;
  const bytes = image.bytes(0);
  return paint(carry, (pixel) => {
    const [x, y] = [places[2 * pixel], places[2 * pixel + 1]];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [a, b] = [x - left, y - top];
    const corner = 4 * (top * width + left);
    const [right, down] = [left + 1 < width ? 4 : 0, top + 1 < height ? 4 * width : 0];
    let colour = 0xff000000;
    for (let channel = 0, at = corner; channel < 3; channel++, at++) {
      const above = bytes[at] * (1 - a) + bytes[at + right] * a;
      const below = bytes[at + down] * (1 - a) + bytes[at + down + right] * a;
      colour |= Math.round(above * (1 - b) + below * b) << (8 * channel);
    }
    return colour;
  });
}

export function forget() {}

function paint({ width, height }, colourOf) {
  Object.assign(scratch.canvas, { width, height });
  const picture = scratch.createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer); // little-endian, as every machine with a browser is
  for (let pixel = 0; pixel < pixels.length; pixel++) pixels[pixel] = colourOf(pixel);
  scratch.putImageData(picture, 0, 0);
  return [scratch.canvas, 0, 0, width, height];
}
