// Draws optical flow as arrows over a picture, one for each square of a grid.
const SQUARES_ACROSS = 12; // along the longer side
const FULL_LENGTH_SPEED = 2; // px per frame: from here on an arrow is as long as its square
const MIN_SPEED = 0.25; // px per frame: slower motion gets no arrow
const MAX_HEAD = 4; // px on the page, of an arrowhead
const STROKES = [
  { width: 3.5, style: "rgb(0 0 0 / 65%)" },
  { width: 1.5, style: "#fff" },
];

/**
 * Draw the arrows of one frame. They show small motion, as real clips have it, better than colours do.
 *
 * @param {CanvasRenderingContext2D} context its unit of length is a pixel of the flow
 * @param {import("./flow.js").Flow} flow
 * @param {number} frame
 * @param {number} pagePixel length of a pixel of the page, in pixels of the flow
 */
export function drawFlowArrows(context, flow, frame, pagePixel) {
  const square = Math.max(2, Math.round(Math.max(flow.width, flow.height) / SQUARES_ACROSS));
  const path = new Path2D();
  for (let y = square >> 1; y < flow.height; y += square) {
    for (let x = square >> 1; x < flow.width; x += square) {
      const [u, v] = flow.mean(frame, x, y, square >> 2);
      const speed = Math.hypot(u, v);
      if (speed < MIN_SPEED) continue;
      const length = Math.min(1, speed / FULL_LENGTH_SPEED) * square;
      const head = Math.min(MAX_HEAD * pagePixel, 0.4 * length);
      addArrow(path, x, y, (u / speed) * length, (v / speed) * length, head);
    }
  }
  context.lineCap = "round";
  for (const { width, style } of STROKES) {
    context.lineWidth = width * pagePixel;
    context.strokeStyle = style;
    context.stroke(path);
  }
}

/**
 * Add an arrow of the direction and length of (u, v) whose middle is at (x, y).
 *
 * @param {Path2D} path
 * @param {number} x
 * @param {number} y
 * @param {number} u
 * @param {number} v
 * @param {number} head length of each of the two lines of the arrowhead
 */
function addArrow(path, x, y, u, v, head) {
  const [tipX, tipY, angle] = [x + u / 2, y + v / 2, Math.atan2(v, u)];
  path.moveTo(x - u / 2, y - v / 2);
  path.lineTo(tipX, tipY);
  for (const side of [-1, 1]) {
    path.moveTo(tipX, tipY);
    path.lineTo(tipX - head * Math.cos(angle + side * 0.5), tipY - head * Math.sin(angle + side * 0.5));
  }
}
