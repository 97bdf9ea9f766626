// The points of a line chart, computed as in app/web/charts/line_chart.py.
const WIDTH = 480; // px
const HEIGHT = 120; // px

/**
 * Return the `points` of an SVG polyline through values at equal steps.
 *
 * @param {number[]} values
 */
export function polylinePoints(values) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = WIDTH / Math.max(1, values.length - 1);
  return values
    .map((value, i) => `${(i * step).toFixed(1)},${(HEIGHT - ((value - low) / span) * HEIGHT).toFixed(1)}`)
    .join(" ");
}
