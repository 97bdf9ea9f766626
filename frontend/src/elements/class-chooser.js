// The answer of a trial of naming: filters the list of classes while a person types, marks the first that is left,
// and measures the time from the sight of the stimulus to the answer.
import { requireElement } from "../lib/dom.js";

class ClassChooser extends HTMLElement {
  #since = performance.now();

  connectedCallback() {
    this.#since = performance.now();
    this.addEventListener("input", this.#filter);
    this.addEventListener("keydown", this.#press);
    this.addEventListener("submit", this.#submit);
    const field = this.#filterField ?? this.querySelector("input[name=words]");
    // A phone would cover the stimulus with its keyboard.
    if (field instanceof HTMLInputElement && matchMedia("(hover: hover)").matches) {
      field.focus({ preventScroll: true });
    }
  }

  disconnectedCallback() {
    this.removeEventListener("input", this.#filter);
    this.removeEventListener("keydown", this.#press);
    this.removeEventListener("submit", this.#submit);
  }

  get #filterField() {
    const field = this.querySelector("input[data-filter]");
    return field instanceof HTMLInputElement ? field : null;
  }

  get #items() {
    return [...this.querySelectorAll("li")];
  }

  /** The classes that the filter leaves. */
  get #radios() {
    const visible = this.#items.filter((item) => !item.hidden);
    return visible.map((item) => requireElement(item, "input", HTMLInputElement));
  }

  /** @param {Event} event */
  #filter = ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target !== this.#filterField) return;
    const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of this.#items) {
      const name = item.textContent.toLowerCase();
      item.hidden = !words.every((word) => name.includes(word));
    }
    this.#mark(words.length ? this.#bestMatch(words.join(" ")) : undefined);
  };

  /**
   * Return the class of exactly this name, or else the first that begins so, or else the first that is left.
   *
   * @param {string} text
   */
  #bestMatch(text) {
    const radios = this.#radios;
    const names = radios.map((radio) => radio.value.toLowerCase());
    const best = [names.indexOf(text), names.findIndex((name) => name.startsWith(text))];
    return radios[best.find((index) => index >= 0) ?? 0];
  }

  /** @param {HTMLInputElement | undefined} radio */
  #mark(radio) {
    for (const marked of this.querySelectorAll("input[type=radio]:checked")) {
      if (marked instanceof HTMLInputElement) marked.checked = false;
    }
    if (!radio) return;
    radio.checked = true;
    radio.closest("li")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #press = (event) => {
    if (event.target !== this.#filterField || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const radios = this.#radios;
    const marked = radios.findIndex((radio) => radio.checked);
    const next = event.key === "ArrowDown" ? marked + 1 : marked - 1;
    this.#mark(radios[Math.max(0, Math.min(next, radios.length - 1))]);
  };

  /** @param {SubmitEvent} event */
  #submit = ({ target }) => {
    if (!(target instanceof HTMLFormElement)) return;
    const seconds = (performance.now() - this.#since) / 1000;
    requireElement(target, "[name=seconds]", HTMLInputElement).value = seconds.toFixed(3);
    const chosen = new URLSearchParams(location.search); // settings of the player, which the next trial keeps
    chosen.delete("frame");
    const address = new URL(target.action);
    address.search = chosen.toString();
    target.action = address.href;
  };
}

customElements.define("class-chooser", ClassChooser);
