// Content that may be wider than the page. Its attribute `overflow` says on which sides more of it is hidden: "start",
// "end", both or neither.
class HorizontalScroll extends HTMLElement {
  #sizes = new ResizeObserver(() => this.#update());

  connectedCallback() {
    const inner = this.firstElementChild;
    if (!inner) return;
    inner.addEventListener("scroll", this.#update, { passive: true });
    for (const element of [inner, ...inner.children]) this.#sizes.observe(element);
  }

  disconnectedCallback() {
    this.firstElementChild?.removeEventListener("scroll", this.#update);
    this.#sizes.disconnect();
  }

  #update = () => {
    if (!this.firstElementChild) return;
    const { scrollLeft, scrollWidth, clientWidth } = this.firstElementChild;
    const sides = [];
    if (scrollLeft > 1) sides.push("start");
    if (scrollLeft + clientWidth < scrollWidth - 1) sides.push("end");
    this.setAttribute("overflow", sides.join(" "));
  };
}

customElements.define("horizontal-scroll", HorizontalScroll);
