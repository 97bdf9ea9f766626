// What the colours of motion mean: the encoding itself, painted for every direction up to the magnitude of full colour.
import { encodings, SHOWN } from "../lib/encodings.js";

class FlowLegend extends HTMLElement {
  static observedAttributes = ["view"];

  connectedCallback() {
    this.paint();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.paint();
  }

  paint() {
    const canvas = this.querySelector("canvas");
    const encode = encodings[this.getAttribute("view")];
    const { width: side } = canvas;
    const picture = new ImageData(side, side);
    for (let y = 0, at = 0; y < side; y++) {
      for (let x = 0; x < side; x++, at += 4) {
        const [u, v] = [x, y].map((place) => ((place + 0.5) / side - 0.5) * 2 * SHOWN);
        const edge = Math.min(1, Math.max(0, (SHOWN - Math.hypot(u, v)) * (side / (2 * SHOWN)) + 0.5));
        picture.data.set(
          [...encode(u, v, SHOWN), edge].map((value) => 255 * value),
          at,
        );
      }
    }
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }
}

customElements.define("flow-legend", FlowLegend);
