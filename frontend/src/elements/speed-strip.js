// The speeds side by side: choosing one changes what the page shows and its address, while time runs on.
import { goTo } from "../lib/address.js";
import { refresh } from "../lib/swap.js";

class SpeedStrip extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this.choose);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.choose);
  }

  choose = (event) => {
    const link = event.target.closest("a[aria-keyshortcuts]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(link.getAttribute("href"));
    refresh(document.getElementById("main"));
  };
}

customElements.define("speed-strip", SpeedStrip);
