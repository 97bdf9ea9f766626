// The keys that a page has, in words, from what its elements say of themselves.
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** Words -> keys, in the order of the page. `data-does` says better than a label what keys do, and joins alike ones. */
export function keysOf(page) {
  const found = new Map();
  for (const element of page.querySelectorAll("[aria-keyshortcuts]:not([hidden]), [data-keys]")) {
    const keys = (element.getAttribute("aria-keyshortcuts") ?? element.dataset.keys).split(" ");
    const words = element.dataset.does ?? element.getAttribute("aria-label") ?? element.textContent.trim();
    found.set(words, [...(found.get(words) ?? []), ...keys.map((key) => SIGNS[key] ?? key)]);
  }
  found.set("this list; Esc closes it", ["?"]);
  return found;
}
