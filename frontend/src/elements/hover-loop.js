// A card's still that plays its loop.
import { Hover } from "../lib/hover.js";

class HoverLoop extends Hover {
  play() {
    this.show("loop");
  }

  rest() {
    this.show("poster");
  }

  show(which) {
    const image = this.querySelector("img");
    const address = this.getAttribute(which);
    if (image && address) image.src = address;
  }
}

customElements.define("hover-loop", HoverLoop);
