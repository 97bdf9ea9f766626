// Keys do what the page says they do: `aria-keyshortcuts` on a link, button or field names its keys, and `?` lists them.
import { keysOf } from "../lib/keys.js";

const WRITES = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
const SCRUBS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

class KeyboardKeys extends HTMLElement {
  connectedCallback() {
    document.addEventListener("keydown", this.press);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.press);
  }

  press = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(WRITES) || document.querySelector("dialog[open]")) return;
    if (event.target.matches("[type=range]") && SCRUBS.includes(event.key)) return;
    if (event.key === " " && event.target.matches("button, summary, [type=checkbox]")) return;
    if (event.key === "?") this.help(event);
    else this.follow(event);
  };

  follow(event) {
    const key = event.key === " " ? "Space" : event.key;
    const target = document.querySelector(`[aria-keyshortcuts~="${CSS.escape(key)}"]:not([hidden])`);
    if (!target) return;
    event.preventDefault();
    if (!target.matches(WRITES)) return target.click();
    target.focus();
    target.select?.();
  }

  help(event) {
    event.preventDefault();
    const list = this.querySelector("dl");
    list.replaceChildren(...[...keysOf(document)].map(([words, keys]) => this.row(keys, words)));
    this.querySelector("dialog").showModal();
  }

  row(keys, words) {
    const row = this.querySelector("template").content.cloneNode(true);
    const names = keys.flatMap((key) => [
      Object.assign(document.createElement("kbd"), { textContent: key }),
      " ",
    ]);
    row.querySelector("dt").append(...names);
    row.querySelector("dd").textContent = words;
    return row;
  }
}

customElements.define("keyboard-keys", KeyboardKeys);
