// A file field that takes a dropped file too, shows which file was chosen, and refuses one that is too large before it
// is sent.
import { requireElement } from "../lib/dom.js";

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

class ClipDropZone extends HTMLElement {
  #listeners = new AbortController();
  /** @type {string | undefined} */
  #initialText;

  connectedCallback() {
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    this.#initialText ??= this.#label.textContent;
    this.#input.addEventListener("change", this.#showChoice, { signal });
    this.addEventListener("dragover", this.#drag, { signal });
    this.addEventListener("dragleave", this.#drag, { signal });
    this.addEventListener("drop", this.#drag, { signal });
  }

  disconnectedCallback() {
    this.#listeners.abort();
  }

  get #input() {
    return requireElement(this, "input[type=file]", HTMLInputElement);
  }

  get #label() {
    return requireElement(this, "[data-file-name]", HTMLElement);
  }

  /** @param {DragEvent} event */
  #drag = (event) => {
    event.preventDefault();
    this.toggleAttribute("dragging", event.type === "dragover");
    const dropped = event.dataTransfer?.files[0];
    if (event.type !== "drop" || !dropped) return;
    const single = new DataTransfer();
    single.items.add(dropped);
    this.#input.files = single.files;
    this.#showChoice();
  };

  #showChoice = () => {
    const file = this.#input.files?.[0];
    const maxBytes = Number(this.getAttribute("max-bytes"));
    const isTooLarge = file !== undefined && file.size > maxBytes;
    this.#input.setCustomValidity(
      isTooLarge ? `It has ${megabytes(file.size)}; ${megabytes(maxBytes)} are taken. Cut it shorter.` : "",
    );
    if (isTooLarge) this.#input.reportValidity();
    this.#label.textContent = file ? `${file.name}, ${megabytes(file.size)}` : (this.#initialText ?? "");
  };
}

customElements.define("clip-drop-zone", ClipDropZone);
