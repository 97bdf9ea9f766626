// Optical flow from its sheet: u is red, v is green, 8 bits over [-20, 20] px (worker/video/flow.py).
const RANGE = 20;

/** px from 8 bits. */
export const px = (byte) => byte * ((2 * RANGE) / 255) - RANGE;

const SCALES = [0.5, 1, 1.5, 2, 3, 4, 6]; // px a frame; the last is that of stimuli
const SAMPLED = { fields: 3, pixels: 5 }; // one of so many

export class Flow {
  constructor(sheet) {
    this.sheet = sheet;
    ({ width: this.width, height: this.height, frames: this.fields } = sheet);
  }

  /** RGBA of the field from a frame to the next. */
  bytes(frame) {
    return this.sheet.bytes(frame);
  }

  /** The first of SCALES that 99 % of its motion stays within, or the last. */
  get scale() {
    const counts = SCALES.map(() => 0);
    let all = 0;
    for (let field = 0; field < this.fields; field += SAMPLED.fields) {
      const bytes = this.bytes(field);
      for (let at = 0; at < bytes.length; at += 4 * SAMPLED.pixels, all++) {
        const magnitude = Math.hypot(px(bytes[at]), px(bytes[at + 1]));
        const place = SCALES.findIndex((scale) => magnitude <= scale);
        if (place >= 0) counts[place]++;
      }
    }
    let within = 0;
    for (const [place, count] of counts.entries()) {
      within += count;
      if (within >= 0.99 * all) return SCALES[place];
    }
    return SCALES.at(-1);
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
