// A grid of links through which j, k and the arrow keys move the focus.
import { hasModifier } from "../lib/shortcuts.js";

const FIELDS = "input, textarea, select, dialog"; // in which keys keep their own meaning
/** @type {Map<string, number>} */
const STEPS = new Map([
  ["j", 1],
  ["k", -1],
  ["ArrowRight", 1],
  ["ArrowLeft", -1],
]);

class GridNavigation extends HTMLElement {
  connectedCallback() {
    this.dataset.shortcutKeys = "j k ArrowRight ArrowLeft ArrowDown ArrowUp";
    this.dataset.shortcutLabel = "move between cards";
    document.addEventListener("keydown", this.#press);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#press);
  }

  /** @param {KeyboardEvent} event */
  #press = (event) => {
    if (event.defaultPrevented || hasModifier(event)) return;
    if (event.target instanceof Element && event.target.closest(FIELDS)) return;
    const links = [...this.querySelectorAll("a")];
    const active = document.activeElement;
    const current = active instanceof HTMLAnchorElement ? links.indexOf(active) : -1;
    const next =
      current < 0 ? this.#first(event.key, links) : links[current + this.#stride(event.key, links)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  /**
   * Return where a key leads when no link has the focus.
   *
   * @param {string} key
   * @param {HTMLAnchorElement[]} links
   */
  #first(key, links) {
    return STEPS.has(key) ? links[0] : undefined;
  }

  /**
   * Return how many links a key goes on; NaN for other keys.
   *
   * @param {string} key
   * @param {HTMLAnchorElement[]} links
   */
  #stride(key, links) {
    if (key !== "ArrowDown" && key !== "ArrowUp") return STEPS.get(key) ?? NaN;
    const secondRow = links.findIndex((link) => link.offsetTop !== links[0].offsetTop);
    const columns = secondRow < 0 ? links.length : secondRow;
    return key === "ArrowDown" ? columns : -columns;
  }
}

customElements.define("grid-navigation", GridNavigation);
