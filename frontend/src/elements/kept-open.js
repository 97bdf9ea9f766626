// Details whose being open is in the address, as every choice of a page is.
import { choose } from "../lib/address.js";

class KeptOpen extends HTMLElement {
  connectedCallback() {
    this.addEventListener("toggle", this.keep, { capture: true }); // it does not bubble
  }

  disconnectedCallback() {
    this.removeEventListener("toggle", this.keep, { capture: true });
  }

  keep = ({ target }) => {
    const chosen = new URL(location.href).searchParams.has(this.getAttribute("name"));
    if (target.open !== chosen)
      choose(this.getAttribute("name"), target.open ? this.getAttribute("value") : null);
  };
}

customElements.define("kept-open", KeptOpen);
