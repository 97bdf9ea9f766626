// Optical flow, read from its sprite sheet: u is red and v is green, 8 bits each over [-20, 20] px
// (worker/video/flow.py).
const RANGE = 20; // px per frame
const SCALES = [0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20]; // px per frame, as in worker/render/flow_color.py
const FIELDS_READ = 16; // by `displayScale`, at most: of a long clip every second field, third, ...

/**
 * Return a component of flow in px from its 8 bits.
 *
 * @param {number} byte
 */
export function toPixels(byte) {
  return byte * ((2 * RANGE) / 255) - RANGE;
}

export class Flow {
  /** @param {import("./sprite-sheet.js").SpriteSheet} sheet */
  constructor(sheet) {
    this.sheet = sheet;
    this.width = sheet.width;
    this.height = sheet.height;
    this.fields = sheet.frames; // one less than the frames it moves
  }

  /**
   * Return RGBA of the field from a frame to the next one.
   *
   * @param {number} frame
   */
  bytes(frame) {
    return this.sheet.bytes(frame);
  }

  /** The smallest of SCALES that 99 % of the motion stays within, or the largest. */
  get displayScale() {
    const counts = SCALES.map(() => 0);
    let total = 0;
    for (let field = 0; field < this.fields; field += Math.ceil(this.fields / FIELDS_READ)) {
      const bytes = this.bytes(field);
      for (let at = 0; at < bytes.length; at += 4, total++) {
        const speed = Math.hypot(toPixels(bytes[at]), toPixels(bytes[at + 1]));
        const index = SCALES.findIndex((scale) => speed <= scale);
        if (index >= 0) counts[index]++;
      }
    }
    let within = 0;
    for (const [index, count] of counts.entries()) {
      within += count;
      if (within >= 0.99 * total) return SCALES[index];
    }
    return SCALES[SCALES.length - 1];
  }

  /**
   * Return the mean [u, v] in px of a field over the square around (x, y).
   *
   * @param {number} frame
   * @param {number} x
   * @param {number} y
   * @param {number} reach px from the middle of the square to its sides
   */
  mean(frame, x, y, reach) {
    const bytes = this.bytes(frame);
    let [u, v, count] = [0, 0, 0];
    for (let j = Math.max(0, y - reach); j <= Math.min(this.height - 1, y + reach); j++) {
      for (let i = Math.max(0, x - reach); i <= Math.min(this.width - 1, x + reach); i++) {
        const at = 4 * (j * this.width + i);
        u += toPixels(bytes[at]);
        v += toPixels(bytes[at + 1]);
        count += 1;
      }
    }
    return [u / count, v / count];
  }
}
