// The still of a stimulus that is replaced by its moving picture while it is hovered or focused.
import { PlayOnHover } from "../lib/play-on-hover.js";

class HoverLoop extends PlayOnHover {
  play() {
    this.#show(this.getAttribute("loop"));
  }

  stop() {
    this.#show(this.getAttribute("poster"));
  }

  /** @param {string | null} address */
  #show(address) {
    const image = this.querySelector("img");
    if (image && address) image.src = address;
  }
}

customElements.define("hover-loop", HoverLoop);
