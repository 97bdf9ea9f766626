// The selection of units in a grid or table: shows how many are selected and enables actions; x selects the focused unit.
import { requireElement } from "../lib/dom.js";
import { hasModifier } from "../lib/shortcuts.js";

class UnitSelection extends HTMLElement {
  connectedCallback() {
    this.dataset.shortcutKeys = "x";
    this.dataset.shortcutLabel = "tick the unit in focus";
    this.addEventListener("change", this.#update);
    this.addEventListener("reset", this.#updateAfterReset);
    document.addEventListener("keydown", this.#press);
    document.addEventListener("htmx:after:swap", this.#update); // the server does not know what is selected
    this.#update();
  }

  disconnectedCallback() {
    this.removeEventListener("change", this.#update);
    this.removeEventListener("reset", this.#updateAfterReset);
    document.removeEventListener("keydown", this.#press);
    document.removeEventListener("htmx:after:swap", this.#update);
  }

  #update = () => {
    const count = this.querySelectorAll("[name=u]:checked").length;
    const maxCompared = Number(this.getAttribute("max-compare"));
    requireElement(this, "[data-selected-count]", HTMLElement).textContent = `${count} chosen`;
    requireElement(this, "button[data-compare]", HTMLButtonElement).disabled = count > maxCompared;
  };

  #updateAfterReset = () => setTimeout(this.#update); // the event comes before the form is cleared

  /** @param {KeyboardEvent} event */
  #press = (event) => {
    if (event.key !== "x" || hasModifier(event)) return;
    const checkbox = document.activeElement?.closest("[id^=pick-]")?.querySelector("[name=u]");
    if (!(checkbox instanceof HTMLInputElement) || !this.contains(checkbox)) return;
    event.preventDefault();
    checkbox.click();
  };
}

customElements.define("unit-selection", UnitSelection);
