// The map of units: a tooltip shows the unit that is hovered or focused, arrow keys move the focus from unit to unit, and
// dragging a rectangle sets the field `region` of the form whose id is the attribute `form`, and submits it.
import { closestTarget, requireAttribute, requireElement } from "../lib/dom.js";
import { nearestInDirection, placeBeside, regionBetween } from "../lib/geometry.js";
import { hasModifier } from "../lib/shortcuts.js";

const MIN_DRAG_PIXELS = 6; // a pointer that moved less is a click
const SVG = "http://www.w3.org/2000/svg";

class UnitMap extends HTMLElement {
  #listeners = new AbortController();
  /** @type {import("../lib/geometry.js").Point | null} */
  #dragStart = null;
  /** @type {SVGElement | null} drawn while a rectangle is dragged */
  #rectangle = null;
  #hasDragged = false;

  connectedCallback() {
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    const drawing = this.#drawing;
    drawing.addEventListener("pointerover", this.#showTooltip, { signal });
    drawing.addEventListener("focusin", this.#showTooltip, { signal });
    drawing.addEventListener("pointerleave", this.#hideTooltip, { signal });
    drawing.addEventListener("focusout", this.#hideTooltip, { signal });
    drawing.addEventListener("pointerdown", this.#beginDrag, { signal });
    drawing.addEventListener("pointermove", this.#drag, { signal });
    drawing.addEventListener("pointerup", this.#drop, { signal });
    drawing.addEventListener("pointercancel", this.#endDrag, { signal });
    drawing.addEventListener("click", this.#click, { signal });
    drawing.addEventListener("dragstart", this.#preventDefault, { signal });
    drawing.addEventListener("keydown", this.#press, { signal });
    this.#regionField.addEventListener("change", this.#submit, { signal });
    document.addEventListener("htmx:after:swap", this.#setTabStop, { signal });
    this.#setTabStop();
  }

  disconnectedCallback() {
    this.#listeners.abort();
  }

  get #canvas() {
    return requireElement(this, ".map-canvas", HTMLElement);
  }

  get #drawing() {
    return requireElement(this, ".map-canvas svg", SVGSVGElement);
  }

  get #tooltip() {
    return requireElement(this, ".map-tooltip", HTMLElement);
  }

  get #regionField() {
    return requireElement(this, "[name=region]", HTMLInputElement);
  }

  get #dots() {
    return [...this.#drawing.querySelectorAll("a")];
  }

  // The Tab key reaches one dot; arrow keys lead on from there.
  #setTabStop = () => {
    const dots = this.#dots;
    for (const dot of dots) dot.setAttribute("tabindex", "-1");
    const first = dots.find((dot) => dot.matches(".class-unit:not(.outside)")) ?? dots[0];
    first?.setAttribute("tabindex", "0");
  };

  /** @param {Event} event */
  #showTooltip = (event) => {
    const dot = closestTarget(event, "a", SVGAElement);
    if (!dot || this.#rectangle) return;
    const { poster } = dot.dataset;
    const label = document.createElement("span");
    label.textContent = dot.getAttribute("aria-label");
    const picture = Object.assign(new Image(128, 128), { alt: "", src: poster ?? "" });
    const tooltip = this.#tooltip;
    tooltip.replaceChildren(...(poster ? [picture] : []), label);
    tooltip.hidden = false;
    placeBeside(tooltip, dot.getBoundingClientRect(), this.#canvas.getBoundingClientRect());
  };

  #hideTooltip = () => {
    this.#tooltip.hidden = true;
  };

  /** @param {PointerEvent} event */
  #beginDrag = (event) => {
    if (event.button === 0) this.#dragStart = { x: event.clientX, y: event.clientY };
  };

  /** @param {PointerEvent} event */
  #drag = (event) => {
    if (!this.#dragStart) return;
    const pointer = { x: event.clientX, y: event.clientY };
    const moved = Math.hypot(pointer.x - this.#dragStart.x, pointer.y - this.#dragStart.y);
    if (!this.#rectangle && moved < MIN_DRAG_PIXELS) return;
    this.#rectangle ??= this.#drawRectangle(event.pointerId);
    const region = regionBetween(this.#dragStart, pointer, this.#drawing.getBoundingClientRect());
    const [left, top, right, bottom] = region;
    const sizes = { x: left, y: top, width: right - left, height: bottom - top };
    for (const [name, share] of Object.entries(sizes)) this.#rectangle.setAttribute(name, `${share * 100}%`);
    this.#rectangle.dataset.region = region.map((edge) => Number(edge.toFixed(3))).join(",");
  };

  /** @param {number} pointer */
  #drawRectangle(pointer) {
    this.#hideTooltip();
    this.#drawing.setPointerCapture(pointer);
    const rectangle = document.createElementNS(SVG, "rect");
    rectangle.setAttribute("class", "region");
    this.#drawing.append(rectangle);
    return rectangle;
  }

  #drop = () => {
    const region = this.#rectangle?.dataset.region;
    this.#endDrag();
    if (!region) return;
    this.#regionField.value = region;
    this.#submit();
  };

  #endDrag = () => {
    this.#hasDragged = this.#rectangle !== null;
    this.#rectangle?.remove();
    this.#rectangle = this.#dragStart = null;
  };

  // The click event after a drag must not open the unit under the pointer.
  /** @param {MouseEvent} event */
  #click = (event) => {
    if (this.#hasDragged) event.preventDefault();
    this.#hasDragged = false;
  };

  /** @param {Event} event */
  #preventDefault = (event) => event.preventDefault();

  /** @param {KeyboardEvent} event */
  #press = (event) => {
    const current = closestTarget(event, "a", SVGAElement);
    if (!current || hasModifier(event)) return;
    const next = nearestInDirection(current, this.#dots, event.key);
    if (!next) return;
    event.preventDefault();
    current.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus({ preventScroll: true });
  };

  #submit = () =>
    requireElement(document, `#${requireAttribute(this, "form")}`, HTMLFormElement).requestSubmit();
}

customElements.define("unit-map", UnitMap);
