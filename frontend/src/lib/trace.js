// Points of a line chart in a box, as the server draws it (app/web/charts/line_chart.py).
const WIDTH = 480;
const HEIGHT = 120;

export function points(values) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = WIDTH / Math.max(1, values.length - 1);
  return values
    .map((value, i) => `${(i * step).toFixed(1)},${(HEIGHT - ((value - low) / span) * HEIGHT).toFixed(1)}`)
    .join(" ");
}
