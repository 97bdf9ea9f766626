// Renders motion and warped pictures with WebGL2. All players share one context, because browsers allow only few.
import { FILL_PICTURE, MOTION, WARPED } from "./shaders.js";

export const name = "webgl2";

/**
 * @typedef {object} HeldTexture
 * @property {number} target
 * @property {WebGLTexture | null} texture
 * @property {Set<number>} uploaded layers whose values were uploaded
 */

/** @typedef {{ program: WebGLProgram, layer: WebGLUniformLocation | null }} Program */

/** @type {Map<object, HeldTexture>} by their source: flow, warp, colour table or image */
const textures = new Map();
/** @type {Renderer | null | undefined} undefined until first asked for; null where the browser has no WebGL2 */
let renderer;
let isLost = false;

/** @typedef {{ gl: WebGL2RenderingContext, canvas: HTMLCanvasElement, motion: Program, warped: Program }} Renderer */

/** Return whether the browser has WebGL2 and has not taken it away. */
export function isAvailable() {
  if (renderer === undefined) renderer = start();
  return renderer !== null && !isLost;
}

function start() {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
  if (!gl) return null;
  canvas.addEventListener("webglcontextlost", () => {
    isLost = true;
  });
  isLost = gl.isContextLost();
  return { gl, canvas, motion: link(gl, MOTION), warped: link(gl, WARPED) };
}

/** @returns {Renderer} */
function started() {
  if (!renderer) throw new Error("WebGL2 is not available.");
  return renderer;
}

/**
 * Render a field of flow in the colours of a table.
 *
 * @param {import("./flow.js").Flow} flow
 * @param {number} frame
 * @param {Uint8ClampedArray<ArrayBuffer>} colorTable
 * @returns {import("./sprite-sheet.js").ImageRegion}
 */
export function renderMotion(flow, frame, colorTable) {
  const { gl, motion } = started();
  const field = Math.min(frame, flow.fields - 1);
  const fields = arrayTexture(gl, flow, flow.fields, gl.RGBA8);
  if (!fields.uploaded.has(field)) {
    upload(gl, fields, flow, field, gl.RGBA, gl.UNSIGNED_BYTE, flow.bytes(field));
  }
  bind(gl, 0, fields);
  bind(gl, 1, imageTexture(gl, colorTable, 256, 256, colorTable));
  return render(motion, flow, field);
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
  const { gl, warped } = started();
  const sources = arrayTexture(gl, warp, warp.flow.fields + 1, gl.RG32F);
  if (!sources.uploaded.has(frame)) upload(gl, sources, warp, frame, gl.RG, gl.FLOAT, warp.sources(frame));
  bind(gl, 0, sources);
  bind(gl, 1, imageTexture(gl, image, image.width, image.height, image.bytes(0)));
  return render(warped, warp, frame);
}

/**
 * Delete the textures of flows, warps and images that are no longer shown.
 *
 * @param {(object | null)[]} sources
 */
export function release(...sources) {
  for (const source of sources) {
    const held = source && textures.get(source);
    if (!held) continue;
    started().gl.deleteTexture(held.texture);
    textures.delete(source);
  }
}

/**
 * Return the texture with a layer for each frame of a source.
 *
 * @param {WebGL2RenderingContext} gl
 * @param {{ width: number, height: number }} source
 * @param {number} layers
 * @param {number} format
 */
function arrayTexture(gl, source, layers, format) {
  let held = textures.get(source);
  if (!held) {
    held = {
      target: gl.TEXTURE_2D_ARRAY,
      texture: createTexture(gl, gl.TEXTURE_2D_ARRAY),
      uploaded: new Set(),
    };
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, format, source.width, source.height, layers);
    textures.set(source, held);
  }
  return held;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {HeldTexture} held
 * @param {{ width: number, height: number }} size
 * @param {number} layer
 * @param {number} order
 * @param {number} type
 * @param {ArrayBufferView<ArrayBuffer>} values
 */
function upload(gl, held, { width, height }, layer, order, type, values) {
  gl.bindTexture(held.target, held.texture);
  gl.texSubImage3D(held.target, 0, 0, 0, layer, width, height, 1, order, type, values);
  held.uploaded.add(layer);
}

/**
 * Return the texture of one picture, RGBA.
 *
 * @param {WebGL2RenderingContext} gl
 * @param {object} source
 * @param {number} width
 * @param {number} height
 * @param {Uint8ClampedArray<ArrayBuffer>} bytes
 */
function imageTexture(gl, source, width, height, bytes) {
  let held = textures.get(source);
  if (!held) {
    held = { target: gl.TEXTURE_2D, texture: createTexture(gl, gl.TEXTURE_2D), uploaded: new Set() };
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    textures.set(source, held);
  }
  return held;
}

/**
 * Create a texture, and leave it bound.
 *
 * @param {WebGL2RenderingContext} gl
 * @param {number} target
 */
function createTexture(gl, target) {
  const texture = gl.createTexture();
  gl.bindTexture(target, texture);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
    gl.texParameteri(target, filter, gl.NEAREST);
  }
  return texture;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} unit
 * @param {HeldTexture} held
 */
function bind(gl, unit, { target, texture }) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(target, texture);
}

/**
 * @param {Program} program
 * @param {{ width: number, height: number }} size
 * @param {number} frame
 * @returns {import("./sprite-sheet.js").ImageRegion}
 */
function render({ program, layer }, { width, height }, frame) {
  const { gl, canvas } = started();
  const [wide, high] = [width + 2, height + 2]; // with a margin of one pixel, because enlarging mixes in neighbours
  if (canvas.width < wide) canvas.width = wide;
  if (canvas.height < high) canvas.height = high;
  gl.viewport(0, 0, wide, high);
  gl.useProgram(program);
  gl.uniform1i(layer, frame);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  return [canvas, 1, canvas.height - height - 1, width, height];
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {string} fragmentShader
 * @returns {Program}
 */
function link(gl, fragmentShader) {
  const program = gl.createProgram();
  attach(gl, program, gl.VERTEX_SHADER, FILL_PICTURE);
  attach(gl, program, gl.FRAGMENT_SHADER, fragmentShader);
  gl.linkProgram(program);
  const hasFailed = !gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost();
  if (hasFailed) throw new Error(gl.getProgramInfoLog(program) ?? "A shader does not link.");
  gl.useProgram(program);
  gl.uniform1i(gl.getUniformLocation(program, "values"), 0);
  gl.uniform1i(gl.getUniformLocation(program, "colors"), 1);
  return { program, layer: gl.getUniformLocation(program, "layer") };
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {WebGLProgram} program
 * @param {number} type
 * @param {string} source
 */
function attach(gl, program, type, source) {
  const shader = gl.createShader(type);
  if (!shader) return; // the context is lost
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  gl.attachShader(program, shader);
}
