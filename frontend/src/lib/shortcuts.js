// The keyboard shortcuts of a page, as its elements declare them: `aria-keyshortcuts` on links, buttons and fields,
// `data-shortcut-keys` on elements that handle keys themselves.
const KEY_SYMBOLS = new Map([
  ["ArrowLeft", "←"],
  ["ArrowRight", "→"],
  ["ArrowUp", "↑"],
  ["ArrowDown", "↓"],
]);

/**
 * Return the keys of each action, in the order of the page. An action is named by `data-shortcut-label`, which elements
 * with the same action share, or else by the element's own label.
 *
 * @param {Document} page
 * @returns {Map<string, string[]>} label to keys
 */
export function shortcutsOf(page) {
  const keysByLabel = new Map();
  const selector = "[aria-keyshortcuts]:not([hidden]), [data-shortcut-keys]";
  for (const element of page.querySelectorAll(selector)) {
    const attribute = element.getAttribute("aria-keyshortcuts") ?? element.getAttribute("data-shortcut-keys");
    const keys = (attribute ?? "").split(" ").map((key) => KEY_SYMBOLS.get(key) ?? key);
    const label =
      element.getAttribute("data-shortcut-label") ??
      element.getAttribute("aria-label") ??
      element.textContent.trim();
    keysByLabel.set(label, [...(keysByLabel.get(label) ?? []), ...keys]);
  }
  keysByLabel.set("this list; Esc closes it", ["?"]);
  return keysByLabel;
}

/**
 * Return whether a key is pressed together with Ctrl, Meta or Alt, which makes it a command of the browser.
 *
 * @param {KeyboardEvent} event
 */
export function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}
