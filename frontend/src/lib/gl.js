// Paints motion and carried pictures with WebGL2. A browser grants few contexts: one paints for every player.
import { CARRIED, CORNERS, MOTION } from "./shaders.js";

export const kind = "webgl2";
const textures = new Map(); // of a flow or carry: {texture, filled}; of a table or an image: {texture}
let gl; // undefined before anybody asked
let lost = false;
let programs;

/** False where the browser has no WebGL2, or took it away. */
export function ready() {
  if (gl === undefined) start();
  return gl !== null && !lost;
}

function start() {
  const canvas = document.createElement("canvas");
  gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
  if (!gl) return;
  canvas.addEventListener("webglcontextlost", () => (lost = true));
  lost = gl.isContextLost();
  programs = { motion: link(CORNERS, MOTION), carried: link(CORNERS, CARRIED) };
}

/** The picture of a field in the colours of a table, as drawImage takes it. */
export function motion(flow, frame, colours) {
  const field = Math.min(frame, flow.fields - 1);
  bind(
    0,
    layers(flow, flow.fields, gl.RGBA8, field, () => [gl.RGBA, gl.UNSIGNED_BYTE, flow.bytes(field)]),
  );
  bind(
    1,
    flat(colours, 256, 256, () => colours),
  );
  return paint(programs.motion, flow, field);
}

/** The image as it lies at a frame, as drawImage takes it. */
export function carried(carry, image, frame) {
  const count = carry.flow.fields + 1;
  bind(
    0,
    layers(carry, count, gl.RG32F, frame, () => [gl.RG, gl.FLOAT, carry.places(frame)]),
  );
  bind(
    1,
    flat(image, image.width, image.height, () => image.bytes(0)),
  );
  return paint(programs.carried, carry, frame);
}

/** Gives back what was uploaded for these. */
export function forget(...sources) {
  for (const source of sources) {
    gl.deleteTexture(textures.get(source)?.texture ?? null);
    textures.delete(source);
  }
}

function layers(source, count, format, frame, read) {
  if (!textures.has(source)) {
    const texture = make(gl.TEXTURE_2D_ARRAY);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, format, source.width, source.height, count);
    textures.set(source, { target: gl.TEXTURE_2D_ARRAY, texture, filled: new Set() });
  }
  const held = textures.get(source);
  if (!held.filled.has(frame)) {
    const [order, type, values] = read();
    gl.bindTexture(held.target, held.texture);
    gl.texSubImage3D(held.target, 0, 0, 0, frame, source.width, source.height, 1, order, type, values);
    held.filled.add(frame);
  }
  return held;
}

function flat(source, width, height, read) {
  if (!textures.has(source)) {
    const texture = make(gl.TEXTURE_2D);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, read());
    textures.set(source, { target: gl.TEXTURE_2D, texture });
  }
  return textures.get(source);
}

function make(target) {
  const texture = gl.createTexture();
  gl.bindTexture(target, texture);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
    gl.texParameteri(target, filter, gl.NEAREST);
  return texture;
}

function bind(unit, { target, texture }) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(target, texture);
}

function paint({ program, layer }, { width, height }, frame) {
  const { canvas } = gl;
  const [wide, high] = [width + 2, height + 2]; // with a margin: enlarging mixes in what lies beside the picture
  if (canvas.width < wide) canvas.width = wide;
  if (canvas.height < high) canvas.height = high;
  gl.viewport(0, 0, wide, high);
  gl.useProgram(program);
  gl.uniform1i(layer, frame);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  return [canvas, 1, canvas.height - height - 1, width, height];
}

function link(...sources) {
  const program = gl.createProgram();
  [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].forEach((type, i) => {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, sources[i]);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  });
  gl.linkProgram(program);
  const failed = !gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost();
  if (failed) throw new Error(gl.getProgramInfoLog(program));
  gl.useProgram(program);
  gl.uniform1i(gl.getUniformLocation(program, "values"), 0);
  gl.uniform1i(gl.getUniformLocation(program, "colours"), 1);
  return { program, layer: gl.getUniformLocation(program, "layer") };
}
