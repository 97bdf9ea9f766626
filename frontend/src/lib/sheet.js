// A picture that holds many frames, sixteen a row (worker/render/encode.py).
const COLUMNS = 16;

/** Decodes a picture without touching its values: those of a flow sheet are numbers. */
export async function fetchPicture(address, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

export class Sheet {
  #scratch = null;
  #bytes = [];

  constructor(bitmap, frames) {
    const columns = Math.min(frames, COLUMNS);
    Object.assign(this, { bitmap, frames, columns });
    this.width = bitmap.width / columns;
    this.height = bitmap.height / Math.ceil(frames / columns);
  }

  /** The frame as drawImage takes it: picture, left, top, width, height. */
  at(frame) {
    const held = Math.min(frame, this.frames - 1);
    const [column, row] = [held % this.columns, Math.floor(held / this.columns)];
    return [this.bitmap, column * this.width, row * this.height, this.width, this.height];
  }

  /** RGBA of one frame; the last one holds for those after it. */
  bytes(frame) {
    const held = Math.min(frame, this.frames - 1);
    this.#bytes[held] ??= this.#read(held);
    return this.#bytes[held];
  }

  #read(frame) {
    this.#scratch ??= surface(this.width, this.height, { willReadFrequently: true });
    this.#scratch.drawImage(...this.at(frame), 0, 0, this.width, this.height);
    return this.#scratch.getImageData(0, 0, this.width, this.height).data;
  }

  close() {
    this.bitmap.close();
  }
}

/** The 2D context of a canvas that is on no page. */
export function surface(width, height, options) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas.getContext("2d", options);
}
