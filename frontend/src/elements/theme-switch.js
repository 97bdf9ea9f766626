// Changes the theme at once and stores it in the cookie that the server reads. Without scripts its form does the same.
import { withParameter } from "../lib/address.js";
import { requireAttribute, requireElement } from "../lib/dom.js";

const COOKIE_SECONDS = 365 * 24 * 60 * 60;

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", this.#change);
  }

  disconnectedCallback() {
    this.removeEventListener("submit", this.#change);
  }

  /** @param {SubmitEvent} event */
  #change = (event) => {
    event.preventDefault();
    const button = requireElement(this, "button", HTMLButtonElement);
    const themes = requireAttribute(this, "themes").split(" ");
    const theme = button.value;
    const root = document.documentElement.dataset.root ?? "";
    // biome-ignore lint/suspicious/noDocumentCookie: Firefox has no Cookie Store API before version 140
    document.cookie = `theme=${theme}; path=${root}/; max-age=${COOKIE_SECONDS}; samesite=lax`;
    document.documentElement.dataset.theme = theme;
    history.replaceState(history.state, "", withParameter(location.href, "theme", null));
    button.value = themes[(themes.indexOf(theme) + 1) % themes.length];
    requireElement(button, "span", HTMLElement).textContent = theme;
  };
}

customElements.define("theme-switch", ThemeSwitch);
