// The shaders of lib/gl.js. Row 0 of every texture is the top of its picture.

/** One triangle over the whole picture. */
export const CORNERS = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0, 1);
}`;

const HEAD = `#version 300 es
precision highp float;
precision highp sampler2D;
precision highp sampler2DArray;
uniform sampler2DArray values;
uniform sampler2D colours;
uniform int layer;
out vec4 colour;
ivec3 here() {
  ivec2 last = textureSize(values, 0).xy - 1;
  ivec2 place = ivec2(gl_FragCoord.xy) - 1; // a margin of one pixel repeats the edge
  return ivec3(clamp(ivec2(place.x, last.y - place.y), ivec2(0), last), layer);
}
`;

/** The colour that the table has for the stored (u, v). */
export const MOTION = `${HEAD}
void main() {
  colour = texelFetch(colours, ivec2(texelFetch(values, here(), 0).rg * 255.0 + 0.5), 0);
}`;

/** The image at the place where this pixel comes from, between its four neighbours. */
export const CARRIED = `${HEAD}
vec4 at(ivec2 place) {
  return texelFetch(colours, min(place, textureSize(colours, 0) - 1), 0);
}
void main() {
  vec2 place = texelFetch(values, here(), 0).rg;
  ivec2 corner = ivec2(floor(place));
  vec2 share = fract(place);
  vec4 above = mix(at(corner), at(corner + ivec2(1, 0)), share.x);
  vec4 below = mix(at(corner + ivec2(0, 1)), at(corner + ivec2(1, 1)), share.x);
  colour = mix(above, below, share.y);
}`;
