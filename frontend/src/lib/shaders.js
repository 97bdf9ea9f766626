// The shaders of webgl-renderer.js. Row 0 of every texture is the top of its picture.

/** One triangle that covers the whole picture. */
export const FILL_PICTURE = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0, 1);
}`;

const HEAD = `#version 300 es
precision highp float;
precision highp sampler2D;
precision highp sampler2DArray;
uniform sampler2DArray values;
uniform sampler2D colors;
uniform int layer;
out vec4 color;
ivec3 here() {
  ivec2 last = textureSize(values, 0).xy - 1;
  ivec2 pixel = ivec2(gl_FragCoord.xy) - 1; // a margin of one pixel repeats the edge
  return ivec3(clamp(ivec2(pixel.x, last.y - pixel.y), ivec2(0), last), layer);
}
`;

/** The colour that the table has for the stored (u, v). */
export const MOTION = `${HEAD}
void main() {
  color = texelFetch(colors, ivec2(texelFetch(values, here(), 0).rg * 255.0 + 0.5), 0);
}`;

/** The image at the source position of this pixel, interpolated between its four neighbours. */
export const WARPED = `${HEAD}
vec4 at(ivec2 pixel) {
  return texelFetch(colors, min(pixel, textureSize(colors, 0) - 1), 0);
}
void main() {
  vec2 source = texelFetch(values, here(), 0).rg;
  ivec2 corner = ivec2(floor(source));
  vec2 weight = fract(source);
  vec4 above = mix(at(corner), at(corner + ivec2(1, 0)), weight.x);
  vec4 below = mix(at(corner + ivec2(0, 1)), at(corner + ivec2(1, 1)), weight.x);
  color = mix(above, below, weight.y);
}`;
