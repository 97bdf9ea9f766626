// Changes the theme at once and keeps it in the cookie that the server reads; without scripts its form does the same.
import { withChoice } from "../lib/address.js";

const YEAR = 365 * 24 * 60 * 60;

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", this.change);
  }

  disconnectedCallback() {
    this.removeEventListener("submit", this.change);
  }

  change = (event) => {
    event.preventDefault();
    const button = this.querySelector("button");
    const themes = this.getAttribute("themes").split(" ");
    const theme = button.value;
    // biome-ignore lint/suspicious/noDocumentCookie: Firefox has no Cookie Store API before version 140
    document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
    document.documentElement.dataset.theme = theme;
    history.replaceState(history.state, "", withChoice(location.href, "theme", null));
    button.value = themes[(themes.indexOf(theme) + 1) % themes.length];
    button.querySelector("span").textContent = theme;
  };
}

customElements.define("theme-switch", ThemeSwitch);
