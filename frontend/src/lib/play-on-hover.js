// The base class of elements that play while they, or the link that contains them, are hovered or focused. They do not
// play where a person prefers reduced motion.
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const START_EVENTS = ["pointerenter", "focus"];
const STOP_EVENTS = ["pointerleave", "blur"];

export class PlayOnHover extends HTMLElement {
  /** @type {HTMLElement} */
  #area = this;

  connectedCallback() {
    this.#area = this.closest("a") ?? this;
    for (const event of [...START_EVENTS, ...STOP_EVENTS]) this.#area.addEventListener(event, this);
  }

  disconnectedCallback() {
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
