// The legend of motion's colours: a disc that shows the colour of every direction, from standing still to the
// speed of full colour.
import { requireAttribute, requireElement } from "../lib/dom.js";
import { flowEncodings } from "../lib/flow-colors.js";
import { get2dContext } from "../lib/sprite-sheet.js";

class FlowLegend extends HTMLElement {
  static observedAttributes = ["view"];

  connectedCallback() {
    this.#draw();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#draw();
  }

  #draw() {
    const canvas = requireElement(this, "canvas", HTMLCanvasElement);
    const encode = flowEncodings[requireAttribute(this, "view")];
    const { width: side } = canvas;
    const speedPerPixel = 2 / side; // in units of the speed of full colour
    const picture = new ImageData(side, side);
    for (let y = 0, at = 0; y < side; y++) {
      for (let x = 0; x < side; x++, at += 4) {
        const [u, v] = [x, y].map((pixel) => (pixel + 0.5 - side / 2) * speedPerPixel);
        const pixelsToRim = (1 - Math.hypot(u, v)) / speedPerPixel;
        const opacity = Math.min(1, Math.max(0, pixelsToRim + 0.5)); // a smooth rim
        const color = [...encode(u, v, 1), opacity];
        picture.data.set(
          color.map((value) => 255 * value),
          at,
        );
      }
    }
    get2dContext(canvas).putImageData(picture, 0, 0);
  }
}

customElements.define("flow-legend", FlowLegend);
