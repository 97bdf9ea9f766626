// Keys do what the page says they do: `aria-keyshortcuts` on a link, button or field names its keys.
const WRITES = "input, textarea, select, [contenteditable]";

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
    if (event.key === "?") this.help(event);
    else this.follow(event);
  };

  follow(event) {
    const keys = `[aria-keyshortcuts~="${CSS.escape(event.key)}"]`;
    const target = document.querySelector(keys);
    if (!target) return;
    event.preventDefault();
    target.focus();
    if (target.matches(WRITES)) target.select?.();
    else target.click();
  }

  help(event) {
    event.preventDefault();
    this.querySelector("dialog").showModal();
  }
}

customElements.define("keyboard-keys", KeyboardKeys);
