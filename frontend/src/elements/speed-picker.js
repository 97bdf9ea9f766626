// The speeds side by side: choosing one updates the page and its address without a page load, so that playing goes on.
import { replaceAddress } from "../lib/address.js";
import { closestTarget, opensElsewhere, requireAttribute, requireElement } from "../lib/dom.js";
import { refreshElement } from "../lib/refresh.js";

class SpeedPicker extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this.#choose);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#choose);
  }

  /** @param {MouseEvent} event */
  #choose = (event) => {
    const link = closestTarget(event, "a[aria-keyshortcuts]", HTMLAnchorElement);
    if (!link || opensElsewhere(event)) return;
    event.preventDefault();
    replaceAddress(requireAttribute(link, "href"));
    refreshElement(requireElement(document, "#main", HTMLElement));
  };
}

customElements.define("speed-picker", SpeedPicker);
