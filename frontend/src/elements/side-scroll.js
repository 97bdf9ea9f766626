// What is wider than the page says on which side it goes on (attribute `more`), and is reached by keys.
class SideScroll extends HTMLElement {
  connectedCallback() {
    this.inner = this.firstElementChild;
    this.inner.addEventListener("scroll", this.look, { passive: true });
    this.sizes = new ResizeObserver(this.look);
    for (const each of [this.inner, ...this.inner.children]) this.sizes.observe(each);
  }

  disconnectedCallback() {
    this.inner.removeEventListener("scroll", this.look);
    this.sizes.disconnect();
  }

  look = () => {
    const { scrollLeft, scrollWidth, clientWidth } = this.inner;
    const sides = [scrollLeft > 1 && "start", scrollLeft + clientWidth < scrollWidth - 1 && "end"];
    this.setAttribute("more", sides.filter(Boolean).join(" "));
  };
}

customElements.define("side-scroll", SideScroll);
