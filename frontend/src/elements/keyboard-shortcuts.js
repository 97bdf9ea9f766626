// Keyboard shortcuts: `aria-keyshortcuts` on a link, button or field names its keys. `?` lists all of them.
import { requireElement } from "../lib/dom.js";
import { hasModifier, shortcutsOf } from "../lib/shortcuts.js";

const TEXT_FIELDS = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
const SPACE_USERS = "button, summary, [type=checkbox]";
const SLIDER_KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

class KeyboardShortcuts extends HTMLElement {
  connectedCallback() {
    document.addEventListener("keydown", this.#press);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#press);
  }

  /** @param {KeyboardEvent} event */
  #press = (event) => {
    const { target } = event;
    if (!(target instanceof Element) || event.defaultPrevented || hasModifier(event)) return;
    if (target.closest(TEXT_FIELDS) || document.querySelector("dialog[open]")) return;
    if (target.matches("[type=range]") && SLIDER_KEYS.includes(event.key)) return;
    if (event.key === " " && target.matches(SPACE_USERS)) return;
    if (event.key === "?") this.#showList(event);
    else this.#follow(event);
  };

  /** @param {KeyboardEvent} event */
  #follow(event) {
    const key = event.key === " " ? "Space" : event.key;
    const target = document.querySelector(`[aria-keyshortcuts~="${CSS.escape(key)}"]:not([hidden])`);
    if (!(target instanceof HTMLElement)) return;
    event.preventDefault();
    if (!target.matches(TEXT_FIELDS)) return target.click();
    target.focus();
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) target.select();
  }

  /** @param {KeyboardEvent} event */
  #showList(event) {
    event.preventDefault();
    const rows = [...shortcutsOf(document)].map(([label, keys]) => this.#row(keys, label));
    requireElement(this, "dl", HTMLDListElement).replaceChildren(...rows);
    requireElement(this, "dialog", HTMLDialogElement).showModal();
  }

  /**
   * @param {string[]} keys
   * @param {string} label
   */
  #row(keys, label) {
    const template = requireElement(this, "template", HTMLTemplateElement);
    const row = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const marks = keys.flatMap((key) => [
      Object.assign(document.createElement("kbd"), { textContent: key }),
      " ",
    ]);
    requireElement(row, "dt", HTMLElement).append(...marks);
    requireElement(row, "dd", HTMLElement).textContent = label;
    return row;
  }
}

customElements.define("keyboard-shortcuts", KeyboardShortcuts);
