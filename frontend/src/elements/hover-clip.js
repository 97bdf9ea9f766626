// A real clip that plays while it is pointed at or focused, unless a person prefers less motion.
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

class HoverClip extends HTMLElement {
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

  play = () => {
    const video = this.querySelector("video");
    if (!video || stillness.matches) return;
    video.play().catch(() => {}); // a browser may refuse, and a person may leave before it has begun
  };

  // Loading anew is what brings the poster back.
  rest = () => {
    const video = this.querySelector("video");
    if (!video || video.paused) return;
    video.pause();
    video.load();
  };
}

customElements.define("hover-clip", HoverClip);
