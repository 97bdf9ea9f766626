// The map of units: what is pointed at shows its picture, arrows go from unit to unit, and dragging over a part of it
// makes that part a filter: the `region` of the form that the attribute names.
import { besides, edges, nearest } from "../lib/places.js";

const FAR = 6; // pixels: a pointer that moved less has clicked

class UnitMap extends HTMLElement {
  #from = null;
  #frame = null;

  connectedCallback() {
    this.sheet = this.querySelector(".map-sheet");
    this.drawing = this.sheet.querySelector("svg");
    this.peek = this.querySelector(".map-peek");
    for (const name of ["pointerover", "focusin"]) this.drawing.addEventListener(name, this.show);
    for (const name of ["pointerleave", "focusout"]) this.drawing.addEventListener(name, this.hide);
    for (const name of [
      "pointerdown",
      "pointermove",
      "pointerup",
      "pointercancel",
      "click",
      "dragstart",
      "keydown",
    ]) {
      this.drawing.addEventListener(name, this);
    }
    this.querySelector("[name=region]").addEventListener("change", this.submit);
    document.addEventListener("htmx:after:swap", this.settle);
    this.settle();
  }

  // Listeners are on children, which go with the element; but for the page's.
  disconnectedCallback() {
    document.removeEventListener("htmx:after:swap", this.settle);
  }

  get dots() {
    return [...this.drawing.querySelectorAll("a")];
  }

  // Tab stops at one of the dots; arrows lead on.
  settle = () => {
    const dots = this.dots;
    for (const dot of dots) dot.setAttribute("tabindex", "-1");
    const first = dots.find((dot) => dot.matches(".is-class:not(.outside)")) ?? dots[0];
    first?.setAttribute("tabindex", "0");
  };

  handleEvent(event) {
    this[event.type](event);
  }

  show = ({ target }) => {
    const dot = target.closest?.("a");
    if (!dot || this.#frame) return;
    const picture = Object.assign(new Image(128, 128), { alt: "", src: dot.dataset.poster ?? "" });
    const words = document.createElement("span");
    words.textContent = dot.getAttribute("aria-label");
    this.peek.replaceChildren(...(dot.dataset.poster ? [picture] : []), words);
    this.peek.hidden = false;
    besides(this.peek, dot.getBoundingClientRect(), this.sheet.getBoundingClientRect());
  };

  hide = () => {
    this.peek.hidden = true;
  };

  pointerdown(event) {
    if (event.button === 0) this.#from = { x: event.clientX, y: event.clientY };
  }

  pointermove(event) {
    if (!this.#from) return;
    const moved = Math.hypot(event.clientX - this.#from.x, event.clientY - this.#from.y);
    if (!this.#frame && moved < FAR) return;
    if (!this.#frame) this.begin(event);
    const box = edges(
      this.#from,
      { x: event.clientX, y: event.clientY },
      this.drawing.getBoundingClientRect(),
    );
    const sizes = { x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1] };
    for (const [name, share] of Object.entries(sizes)) this.#frame.setAttribute(name, `${share * 100}%`);
    this.#frame.dataset.region = box.map((edge) => Number(edge.toFixed(3))).join(",");
  }

  begin(event) {
    this.hide();
    this.drawing.setPointerCapture(event.pointerId);
    this.#frame = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    this.#frame.setAttribute("class", "region");
    this.drawing.append(this.#frame);
  }

  pointerup() {
    const region = this.#frame?.dataset.region;
    this.pointercancel();
    if (!region) return;
    this.querySelector("[name=region]").value = region;
    this.submit();
  }

  pointercancel() {
    this.dragged = this.#frame !== null;
    this.#frame?.remove();
    this.#frame = this.#from = null;
  }

  // The end of a drag is no click on what lies there.
  click(event) {
    if (this.dragged) event.preventDefault();
    this.dragged = false;
  }

  dragstart(event) {
    event.preventDefault();
  }

  keydown(event) {
    const here = event.target.closest("a");
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = nearest(here, this.dots, event.key);
    if (!next) return;
    event.preventDefault();
    here.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus({ preventScroll: true });
  }

  submit = () => document.getElementById(this.getAttribute("form")).requestSubmit();
}

customElements.define("unit-map", UnitMap);
