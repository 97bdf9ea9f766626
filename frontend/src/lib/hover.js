// What plays while its link, or it itself, is pointed at or focused, unless a person prefers less motion.
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const EVENTS = { pointerenter: "play", focus: "play", pointerleave: "rest", blur: "rest" };

export class Hover extends HTMLElement {
  connectedCallback() {
    this.area = this.closest("a") ?? this;
    for (const event in EVENTS) this.area.addEventListener(event, this);
  }

  disconnectedCallback() {
    for (const event in EVENTS) this.area.removeEventListener(event, this);
  }

  handleEvent(event) {
    const does = EVENTS[event.type];
    if (does === "rest" || !stillness.matches) this[does]();
  }
}
