// The base class of elements that play while they, or the link that contains them, are hovered or focused; where nothing
// can be hovered, as on a phone, while they are in the middle of the window. They do not play where a person prefers
// reduced motion.
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const canHover = matchMedia("(hover: hover)");
const MIDDLE = "-30% 0px -30% 0px"; // of the window: what is cut off above and below
const START_EVENTS = ["pointerenter", "focus"];
const STOP_EVENTS = ["pointerleave", "blur"];

export class PlayOnHover extends HTMLElement {
  /** @type {HTMLElement} */
  #area = this;
  /** @type {IntersectionObserver | null} */
  #middle = null;

  connectedCallback() {
    this.#area = this.closest("a") ?? this;
    if (!canHover.matches && !reducedMotion.matches) {
      this.#middle = new IntersectionObserver(
        ([{ isIntersecting }]) => (isIntersecting ? this.play() : this.stop()),
        {
          rootMargin: MIDDLE,
        },
      );
      this.#middle.observe(this);
    }
    for (const event of [...START_EVENTS, ...STOP_EVENTS]) this.#area.addEventListener(event, this);
  }

  disconnectedCallback() {
    this.#middle?.disconnect();
    for (const event of [...START_EVENTS, ...STOP_EVENTS]) this.#area.removeEventListener(event, this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (STOP_EVENTS.includes(event.type)) this.stop();
    else if (!reducedMotion.matches) this.play();
  }

  play() {}

  stop() {}
}
