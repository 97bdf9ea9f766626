// A curve of a unit's activation over a clip, with a line that shows the current frame of its clock.
import { clockNamed } from "../lib/clock.js";
import { requireAttribute, requireElement } from "../lib/dom.js";

class ActivationPlayhead extends HTMLElement {
  frames = 1; // the clip on the same clock has the real number
  isVisible = false; // the clip keeps the clock running, not this curve
  #leaveClock = () => {};

  connectedCallback() {
    this.#leaveClock = clockNamed(requireAttribute(this, "clock")).join(this);
  }

  disconnectedCallback() {
    this.#leaveClock();
  }

  /** @param {import("../lib/clock.js").Clock} clock */
  show({ frame, frames }) {
    const { width, height } = requireElement(this, "svg", SVGSVGElement).viewBox.baseVal;
    const x = (width * (frame + 0.5)) / frames;
    this.querySelector("[data-playhead]")?.setAttribute("d", `M${x.toFixed(1)} 0v${height}`);
  }
}

customElements.define("activation-playhead", ActivationPlayhead);
