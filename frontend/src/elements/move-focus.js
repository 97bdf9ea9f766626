// A grid of links through which j, k and the arrows move the focus.
const STEPS = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1 };

class MoveFocus extends HTMLElement {
  connectedCallback() {
    Object.assign(this.dataset, {
      keys: "j k ArrowRight ArrowLeft ArrowDown ArrowUp",
      does: "move between cards",
    });
    document.addEventListener("keydown", this.press);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.press);
  }

  press = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog")) return;
    const links = [...this.querySelectorAll("a")];
    const here = links.indexOf(document.activeElement);
    const next = links[here < 0 ? (event.key in STEPS ? 0 : -1) : here + this.stride(event.key, links)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  stride(key, links) {
    if (key in STEPS) return STEPS[key];
    if (key !== "ArrowDown" && key !== "ArrowUp") return NaN;
    const row = links.findIndex((link) => link.offsetTop !== links[0].offsetTop);
    const columns = row < 0 ? links.length : row;
    return key === "ArrowDown" ? columns : -columns;
  }
}

customElements.define("move-focus", MoveFocus);
