// Places on a drawing.
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The corners of a drag as [left, upper, right, lower] edges, each a share of the drawing. */
export function edges(a, b, { left, top, width, height }) {
  const within = (value) => Math.min(1, Math.max(0, value));
  const xs = [a.x, b.x].map((x) => within((x - left) / width)).sort((p, q) => p - q);
  const ys = [a.y, b.y].map((y) => within((y - top) / height)).sort((p, q) => p - q);
  return [xs[0], ys[0], xs[1], ys[1]];
}

/** Of the elements that lie in an arrow's direction, the nearest; those off to the side count as farther away. */
export function nearest(here, others, key) {
  const way = WAYS[key];
  if (!way) return null;
  const middle = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left + width / 2, top + height / 2];
  };
  const [x, y] = middle(here);
  let best = null;
  let least = Infinity;
  for (const other of others) {
    const [dx, dy] = [middle(other)[0] - x, middle(other)[1] - y];
    const ahead = dx * way[0] + dy * way[1];
    const aside = Math.abs(dx * way[1] + dy * way[0]);
    if (other === here || ahead <= 0.5 || aside > 2 * ahead) continue;
    if (ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
  }
  return best;
}

/** Moves a box next to a place, where there is room for it within the frame. */
export function besides(box, place, frame) {
  const [width, height] = [box.offsetWidth, box.offsetHeight];
  const right = place.right - frame.left + 8;
  const left = right + width > frame.width ? Math.max(0, place.left - frame.left - width - 8) : right;
  const top = place.top - frame.top - height / 2;
  box.style.left = `${left}px`;
  box.style.top = `${Math.max(0, Math.min(top, frame.height - height))}px`;
}
