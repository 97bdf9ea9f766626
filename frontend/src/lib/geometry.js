// Geometry of drawings: regions, neighbours, and where a tooltip fits.

/** @type {Map<string, [number, number]>} */
const DIRECTIONS = new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, -1]],
  ["ArrowDown", [0, 1]],
]);
const TOOLTIP_DISTANCE = 8; // px

/** @typedef {{ x: number, y: number }} Point */

/**
 * Return the [left, top, right, bottom] of the rectangle between two points, as shares of a frame.
 *
 * @param {Point} a
 * @param {Point} b
 * @param {DOMRect} frame
 */
export function regionBetween(a, b, { left, top, width, height }) {
  /** @param {number} value */
  const clamp = (value) => Math.min(1, Math.max(0, value));
  const xs = [a.x, b.x].map((x) => clamp((x - left) / width)).sort((p, q) => p - q);
  const ys = [a.y, b.y].map((y) => clamp((y - top) / height)).sort((p, q) => p - q);
  return [xs[0], ys[0], xs[1], ys[1]];
}

/**
 * Return the nearest element in the direction of an arrow key, or null. Elements off to the side count as farther away.
 *
 * @template {Element} T
 * @param {Element} start
 * @param {T[]} others
 * @param {string} key
 * @returns {T | null}
 */
export function nearestInDirection(start, others, key) {
  const direction = DIRECTIONS.get(key);
  if (!direction) return null;
  const [x, y] = centerOf(start);
  let nearest = null;
  let leastDistance = Infinity;
  for (const other of others) {
    const [otherX, otherY] = centerOf(other);
    const [dx, dy] = [otherX - x, otherY - y];
    const ahead = dx * direction[0] + dy * direction[1];
    const aside = Math.abs(dx * direction[1] + dy * direction[0]);
    if (other === start || ahead <= 0.5 || aside > 2 * ahead) continue;
    if (ahead + 2 * aside < leastDistance) [nearest, leastDistance] = [other, ahead + 2 * aside];
  }
  return nearest;
}

/** @param {Element} element */
function centerOf(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}

/**
 * Move a tooltip next to what it is about, to the side where the frame has room for it.
 *
 * @param {HTMLElement} tooltip
 * @param {DOMRect} subject
 * @param {DOMRect} frame
 */
export function placeBeside(tooltip, subject, frame) {
  const [width, height] = [tooltip.offsetWidth, tooltip.offsetHeight];
  const right = subject.right - frame.left + TOOLTIP_DISTANCE;
  const left = Math.max(0, subject.left - frame.left - width - TOOLTIP_DISTANCE);
  const top = subject.top - frame.top - height / 2;
  tooltip.style.left = `${right + width > frame.width ? left : right}px`;
  tooltip.style.top = `${Math.max(0, Math.min(top, frame.height - height))}px`;
}
