// The controls of all players on one clock (attribute `clock`): play, step, scrub, pace, repeat, colours and arrows.
import { setParameter } from "../lib/address.js";
import { clockNamed } from "../lib/clock.js";
import { closestTarget, opensElsewhere, requireAttribute, requireElement } from "../lib/dom.js";

const ADDRESS_DELAY_MILLISECONDS = 200; // browsers limit how often an address may change

class PlayerControls extends HTMLElement {
  frames = 1;
  isVisible = false;
  #leaveClock = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #addressTimer;

  connectedCallback() {
    this.addEventListener("click", this.#click);
    this.addEventListener("input", this.#scrub);
    this.addEventListener("change", this.#select);
    for (const select of this.querySelectorAll("select")) this.#apply(select);
    if (this.hasAttribute("paused-at")) this.#clock.pauseAt(Number(this.getAttribute("paused-at")) - 1);
    this.#leaveClock = this.#clock.join(this);
  }

  disconnectedCallback() {
    clearTimeout(this.#addressTimer);
    this.#leaveClock();
    this.removeEventListener("click", this.#click);
    this.removeEventListener("input", this.#scrub);
    this.removeEventListener("change", this.#select);
  }

  get #clock() {
    return clockNamed(requireAttribute(this, "clock"));
  }

  get #slider() {
    return requireElement(this, "input[type=range]", HTMLInputElement);
  }

  get #players() {
    const clock = CSS.escape(requireAttribute(this, "clock"));
    return document.querySelectorAll(`stimulus-player[clock="${clock}"]`);
  }

  /** @param {MouseEvent} event */
  #click = (event) => {
    const button = closestTarget(event, "button[data-action]", HTMLButtonElement);
    if (button) {
      this.#act(button);
      this.#updateAddressSoon();
    }
    const link = closestTarget(event, "a[data-view]", HTMLAnchorElement);
    if (!link || opensElsewhere(event)) return;
    event.preventDefault();
    this.#chooseView(link);
  };

  /** @param {HTMLButtonElement} button */
  #act(button) {
    switch (button.dataset.action) {
      case "toggle":
        return this.#clock.toggle();
      case "step-back":
        return this.#clock.step(-1);
      case "step-forward":
        return this.#clock.step(1);
      case "arrows":
        return this.#toggleArrows(button);
    }
  }

  /** @param {HTMLButtonElement} button */
  #toggleArrows(button) {
    const areShown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(areShown));
    for (const player of this.#players) player.toggleAttribute("arrows", areShown);
    setParameter("arrows", areShown ? "1" : null);
  }

  // The shortcut belongs to the encoding that is not shown, so that pressing it switches.
  /** @param {HTMLAnchorElement} chosen */
  #chooseView(chosen) {
    const view = chosen.dataset.view ?? "direction";
    for (const link of this.querySelectorAll("a[data-view]")) {
      const isChosen = link === chosen;
      link.setAttribute(isChosen ? "aria-current" : "aria-keyshortcuts", isChosen ? "true" : "m");
      link.removeAttribute(isChosen ? "aria-keyshortcuts" : "aria-current");
    }
    for (const element of [...this.#players, ...this.querySelectorAll("flow-legend")]) {
      element.setAttribute("view", view);
    }
    setParameter("view", view, { defaultValue: "direction" });
  }

  /** @param {Event} event */
  #scrub = (event) => {
    if (event.target !== this.#slider) return;
    const frame = this.#slider.valueAsNumber; // before the clock moves the slider back
    this.#clock.set({ playing: false });
    this.#clock.seek(frame);
    this.#updateAddressSoon();
  };

  /** Put the frame that a person paused at into the address. */
  #updateAddressSoon() {
    clearTimeout(this.#addressTimer);
    this.#addressTimer = setTimeout(() => {
      const { playing, frame } = this.#clock;
      setParameter(requireAttribute(this, "frame-parameter"), playing ? null : String(frame + 1));
    }, ADDRESS_DELAY_MILLISECONDS);
  }

  /** @param {Event} event */
  #select = ({ target }) => {
    if (!(target instanceof HTMLSelectElement)) return;
    this.#apply(target);
    setParameter(target.name, target.value, { defaultValue: target.dataset.default });
  };

  /** @param {HTMLSelectElement} select */
  #apply(select) {
    if (select.name === "rate") this.#clock.set({ rate: Number(select.value) });
    else this.#clock.set({ repeat: /** @type {import("../lib/clock.js").Repeat} */ (select.value) });
  }

  /** @param {import("../lib/clock.js").Clock} clock */
  show({ frame, frames, playing }) {
    this.toggleAttribute("playing", playing);
    this.querySelector("[data-action=toggle]")?.setAttribute("aria-label", playing ? "Pause" : "Play");
    const slider = this.#slider;
    slider.max = String(frames - 1);
    slider.value = String(frame);
    slider.setAttribute("aria-valuetext", `frame ${frame + 1} of ${frames}`);
    requireElement(this, "[data-frame-number]", HTMLElement).textContent = `${frame + 1} / ${frames}`;
  }
}

customElements.define("player-controls", PlayerControls);
