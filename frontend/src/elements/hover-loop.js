// A card's still that plays its loop while pointed at or focused, unless a person prefers less motion.
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

class HoverLoop extends HTMLElement {
  connectedCallback() {
    this.area = this.closest("a") ?? this;
    this.area.addEventListener("pointerenter", this.play);
    this.area.addEventListener("focus", this.play);
    this.area.addEventListener("pointerleave", this.rest);
    this.area.addEventListener("blur", this.rest);
  }

  disconnectedCallback() {
    this.area.removeEventListener("pointerenter", this.play);
    this.area.removeEventListener("focus", this.play);
    this.area.removeEventListener("pointerleave", this.rest);
    this.area.removeEventListener("blur", this.rest);
  }

  play = () => this.show("loop");
  rest = () => this.show("poster");

  show(which) {
    const image = this.querySelector("img");
    const address = this.getAttribute(which);
    if (!image || !address || (which === "loop" && stillness.matches)) return;
    image.src = address;
  }
}

customElements.define("hover-loop", HoverLoop);
