// Keeps in the address whether a <details> is open, as the query parameter that the attribute `name` names.
import { setParameter } from "../lib/address.js";
import { requireAttribute } from "../lib/dom.js";

class RememberOpen extends HTMLElement {
  connectedCallback() {
    this.addEventListener("toggle", this.#toggled, { capture: true }); // the event does not bubble
  }

  disconnectedCallback() {
    this.removeEventListener("toggle", this.#toggled, { capture: true });
  }

  /** @param {Event} event */
  #toggled = ({ target }) => {
    if (!(target instanceof HTMLDetailsElement)) return;
    const name = requireAttribute(this, "name");
    const isInAddress = new URL(location.href).searchParams.has(name);
    if (target.open !== isInAddress) setParameter(name, target.open ? this.getAttribute("value") : null);
  };
}

customElements.define("remember-open", RememberOpen);
