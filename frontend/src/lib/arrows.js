// Flow as arrows over a picture, one for each square of a grid.
const ACROSS = 12; // squares
const FULL = 2; // px a frame: this motion and more has an arrow as long as its square
const LEAST = 0.25; // px a frame: what moves less gets no arrow
const STROKES = [
  { width: 3.5, style: "rgb(0 0 0 / 65%)" },
  { width: 1.5, style: "#fff" },
];

/** Finer than colours, which tell little of the small motion of real clips. `context` has the flow's own pixels for
 * units, and `pixel` is one of the page in those. */
export function drawArrows(context, flow, frame, pixel) {
  const step = Math.max(2, Math.round(Math.max(flow.width, flow.height) / ACROSS));
  const path = new Path2D();
  for (let y = step >> 1; y < flow.height; y += step) {
    for (let x = step >> 1; x < flow.width; x += step) {
      const [u, v] = flow.mean(frame, x, y, step >> 2);
      const magnitude = Math.hypot(u, v);
      const longer = Math.min(1, magnitude / FULL) * (step / magnitude);
      if (magnitude >= LEAST)
        trace(path, x, y, longer * u, longer * v, Math.min(4 * pixel, 0.4 * longer * magnitude));
    }
  }
  context.lineCap = "round";
  for (const { width, style } of STROKES) {
    context.lineWidth = width * pixel;
    context.strokeStyle = style;
    context.stroke(path);
  }
}

/** An arrow whose middle is at (x, y). */
function trace(path, x, y, u, v, barb) {
  const [toX, toY, angle] = [x + u / 2, y + v / 2, Math.atan2(v, u)];
  path.moveTo(x - u / 2, y - v / 2);
  path.lineTo(toX, toY);
  for (const side of [-1, 1]) {
    path.moveTo(toX, toY);
    path.lineTo(toX - barb * Math.cos(angle + side * 0.5), toY - barb * Math.sin(angle + side * 0.5));
  }
}
