// Optical flow from its sheet: u is red, v is green, 8 bits over [-20, 20] px (worker/video/flow.py).
const RANGE = 20;

/** px from 8 bits. */
export const px = (byte) => byte * ((2 * RANGE) / 255) - RANGE;

export class Flow {
  constructor(sheet) {
    this.sheet = sheet;
    ({ width: this.width, height: this.height, frames: this.fields } = sheet);
  }

  /** RGBA of the field from a frame to the next. */
  bytes(frame) {
    return this.sheet.bytes(frame);
  }

  /** The mean of a field over a square around (x, y): [u, v] in px. */
  mean(frame, x, y, reach) {
    const bytes = this.bytes(frame);
    let [u, v, count] = [0, 0, 0];
    for (let j = Math.max(0, y - reach); j <= Math.min(this.height - 1, y + reach); j++) {
      for (let i = Math.max(0, x - reach); i <= Math.min(this.width - 1, x + reach); i++) {
        const at = 4 * (j * this.width + i);
        u += px(bytes[at]);
        v += px(bytes[at + 1]);
        count += 1;
      }
    }
    return [u / count, v / count];
  }
}
