// The images of a player: fetches and decodes them, and draws each kind of panel at a frame.
import * as canvasRenderer from "./canvas-renderer.js";
import { Flow } from "./flow.js";
import { drawFlowArrows } from "./flow-arrows.js";
import { colorTable } from "./flow-colors.js";
import { fetchBitmap, get2dContext, SpriteSheet } from "./sprite-sheet.js";
import { Warp } from "./warp.js";
import * as webglRenderer from "./webgl-renderer.js";

const MAX_ENLARGEMENT = 4; // canvas pixels for each pixel of the picture

/** @typedef {import("./sprite-sheet.js").ImageRegion} ImageRegion */
/** @typedef {{ appearance: string | null, flow: string | null, sheet: string | null }} Addresses */

/**
 * The display settings of a panel.
 *
 * @typedef {object} DisplaySettings
 * @property {string} view encoding of flow
 * @property {boolean} arrows
 * @property {number} [fullSpeed] px per frame that have full colour
 */

/**
 * Fetch and decode the pictures of a stimulus or clip.
 *
 * @param {Addresses} addresses
 * @param {{ flow: number, sheet: number }} frames how many each sprite sheet holds
 * @param {AbortSignal} signal
 */
export async function loadStimulus(addresses, frames, signal) {
  /**
   * @param {string | null} address
   * @param {number} count
   */
  const load = async (address, count) =>
    address ? new SpriteSheet(await fetchBitmap(address, signal), count) : null;
  const [appearance, flow, sheet] = await Promise.all([
    load(addresses.appearance, 1),
    load(addresses.flow, frames.flow),
    load(addresses.sheet, frames.sheet),
  ]);
  return new Stimulus(appearance, flow, sheet);
}

export class Stimulus {
  /**
   * @param {SpriteSheet | null} appearance one frame
   * @param {SpriteSheet | null} flow
   * @param {SpriteSheet | null} sheet every frame of a clip
   */
  constructor(appearance, flow, sheet) {
    this.pictures = [appearance, flow, sheet].filter((picture) => picture !== null);
    this.appearance = appearance;
    this.sheet = sheet;
    this.flow = flow && new Flow(flow);
    this.warp = appearance && this.flow && new Warp(this.flow);
    this.frames = Math.max(sheet?.frames ?? 1, flow ? flow.frames + 1 : 1);
    this.usesWebgl = webglRenderer.isAvailable();
  }

  get renderer() {
    return this.usesWebgl ? webglRenderer : canvasRenderer;
  }

  /**
   * Draw one panel at a frame, in as many pixels as the screen has for it, up to MAX_ENLARGEMENT.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {number} frame
   * @param {DisplaySettings} settings
   */
  draw(canvas, frame, { view, arrows, fullSpeed }) {
    const panel = canvas.dataset.panel ?? "appearance";
    const region = this.#panelRegion(panel, frame, colorTable(view, fullSpeed ?? 1));
    const [, , , width, height] = region;
    const screenPixels = canvas.clientWidth * devicePixelRatio;
    const enlargement = Math.min(MAX_ENLARGEMENT, Math.max(1, Math.ceil(screenPixels / width)));
    if (canvas.width !== width * enlargement) {
      Object.assign(canvas, { width: width * enlargement, height: height * enlargement });
    }
    const context = get2dContext(canvas);
    context.setTransform(enlargement, 0, 0, enlargement, 0, 0);
    context.drawImage(...region, 0, 0, width, height);
    if (arrows && this.flow && panel !== "appearance") {
      drawFlowArrows(context, this.flow, frame, width / (canvas.clientWidth || width));
    }
    canvas.dataset.frame = String(frame);
  }

  /**
   * @param {string} panel
   * @param {number} frame
   * @param {Uint8ClampedArray<ArrayBuffer>} colors
   * @returns {ImageRegion}
   */
  #panelRegion(panel, frame, colors) {
    if (!webglRenderer.isAvailable()) this.usesWebgl = false; // a browser may take WebGL away at any time
    if (panel === "motion" && this.flow) return this.renderer.renderMotion(this.flow, frame, colors);
    if (panel === "warped" && this.warp && this.appearance) {
      return this.renderer.renderWarped(this.warp, this.appearance, frame);
    }
    const picture = panel === "frames" ? this.sheet : this.appearance;
    if (!picture) throw new Error(`There is no picture for the panel "${panel}".`);
    return picture.region(panel === "frames" ? frame : 0);
  }

  close() {
    if (this.usesWebgl) webglRenderer.release(this.flow, this.warp, this.appearance);
    for (const picture of this.pictures) picture.close();
  }
}
