// A curve over a clip's time: a line runs along it in step with the clip of the same clock.
import { clockNamed } from "../lib/clock.js";

class ClipTrace extends HTMLElement {
  frames = 1; // the clip says how long it is
  inSight = false; // and keeps the clock going

  connectedCallback() {
    this.clock = clockNamed(this.getAttribute("clock"));
    this.leave = this.clock.join(this);
  }

  disconnectedCallback() {
    this.leave();
  }

  show({ frame, frames }) {
    const { width, height } = this.querySelector("svg").viewBox.baseVal;
    const x = (width * (frame + 0.5)) / frames;
    this.querySelector("[data-now]").setAttribute("d", `M${x.toFixed(1)} 0v${height}`);
  }
}

customElements.define("clip-trace", ClipTrace);
