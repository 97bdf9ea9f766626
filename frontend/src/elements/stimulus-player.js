// The player of a stimulus or a real clip: its panels (canvases, or a video) show the current frame of its clock. The
// attribute `frame` is the frame shown. Where the images cannot be loaded, it shows the stills in <noscript> instead.
import { clockNamed } from "../lib/clock.js";
import { loadStimulus } from "../lib/stimulus.js";
import { SyncedVideo } from "../lib/synced-video.js";

const STORED_FULL_SPEED = 6; // px per frame that have full colour in the animations that are stored

class StimulusPlayer extends HTMLElement {
  static observedAttributes = ["view", "arrows"];
  frames = 1;
  framesPerSecond = 0; // 0: the default of the clock
  isVisible = false;
  #loading = new AbortController();
  /** @type {(() => void) | null} */
  #leaveClock = null;
  /** @type {import("../lib/stimulus.js").Stimulus | null} */
  #stimulus = null;
  /** @type {SyncedVideo | null} */
  #video = null;
  /** @type {number | undefined} */
  #fullSpeed;
  #isHovered = false; // arrows show then
  #visibility = new IntersectionObserver(([entry]) => {
    this.isVisible = entry.isIntersecting;
    this.#clock.notify();
  });
  #sizes = new ResizeObserver(() => this.#draw());

  connectedCallback() {
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.addEventListener("pointerenter", (event) => this.#hover(event.pointerType === "mouse"), { signal });
    this.addEventListener("pointerleave", () => this.#hover(false), { signal });
    this.#load();
  }

  disconnectedCallback() {
    this.#loading.abort();
    this.#leaveClock?.();
    this.#visibility.disconnect();
    this.#sizes.disconnect();
    this.#stimulus?.close();
    this.#video?.close();
    this.#stimulus = this.#video = this.#leaveClock = null;
  }

  attributeChangedCallback() {
    this.#draw();
  }

  get #clock() {
    return clockNamed(this.getAttribute("clock") || this.id);
  }

  /** @param {boolean} isHovered */
  #hover(isHovered) {
    if (this.#isHovered === isHovered) return;
    this.#isHovered = isHovered;
    this.#draw();
  }

  /** @param {string} name */
  #frameCount(name) {
    return Number(this.getAttribute(`${name}-frames`)) || 1;
  }

  async #load() {
    const { signal } = this.#loading;
    const addresses = {
      appearance: this.getAttribute("appearance"),
      flow: this.getAttribute("flow"),
      sheet: this.getAttribute("sheet"),
    };
    const frames = { flow: this.#frameCount("flow"), sheet: this.#frameCount("sheet") };
    try {
      const stimulus = await loadStimulus(addresses, frames, signal);
      if (signal.aborted) return stimulus.close();
      this.#stimulus = stimulus;
    } catch (error) {
      if (!signal.aborted) this.#showStills(error);
      return;
    }
    const video = this.querySelector("video[data-panel]");
    if (video instanceof HTMLVideoElement) {
      this.#video = new SyncedVideo(video, this.#frameCount("video"));
      video.addEventListener("loadedmetadata", () => this.#start(), { signal });
    }
    this.#start();
  }

  #start() {
    if (!this.#stimulus) return;
    this.frames = Math.max(this.#stimulus.frames, this.#video?.frames ?? 1);
    this.framesPerSecond = this.#video?.framesPerSecond ?? 0;
    this.#chooseScale();
    this.setAttribute("renderer", this.#stimulus.renderer.name);
    this.#leaveClock ??= this.#clock.join(this);
    this.#visibility.observe(this);
    this.#sizes.observe(this);
    this.#clock.notify();
  }

  /** Choose the speed that has full colour, because some stimuli and clips move little, and show it in the caption. */
  #chooseScale() {
    this.#fullSpeed ??= this.#stimulus?.flow?.displayScale;
    for (const text of this.querySelectorAll("[data-scale]")) text.textContent = String(this.#fullSpeed);
  }

  /**
   * Show the clock's frame. A player that is not visible draws only its first frame.
   *
   * @param {import("../lib/clock.js").Clock} clock
   */
  show({ frame }) {
    const ownFrame = String(Math.min(frame, this.frames - 1));
    const drawn = this.getAttribute("frame");
    if (drawn === ownFrame || (drawn && !this.isVisible)) return;
    this.setAttribute("frame", ownFrame);
    this.#draw();
  }

  #draw() {
    if (!this.#stimulus || !this.hasAttribute("frame")) return;
    const frame = Number(this.getAttribute("frame"));
    const settings = {
      view: this.getAttribute("view") ?? "direction",
      arrows: this.hasAttribute("arrows") || this.#isHovered,
      fullSpeed: this.#fullSpeed,
    };
    for (const canvas of this.querySelectorAll("canvas[data-panel]")) {
      if (canvas instanceof HTMLCanvasElement) this.#stimulus.draw(canvas, frame, settings);
    }
    this.#video?.show(frame);
  }

  /** @param {unknown} error */
  #showStills(error) {
    this.setAttribute("error", error instanceof Error ? error.message : String(error));
    for (const text of this.querySelectorAll("[data-scale]")) text.textContent = String(STORED_FULL_SPEED);
    for (const still of this.querySelectorAll("noscript")) {
      still.insertAdjacentHTML("afterend", still.firstElementChild?.outerHTML ?? still.textContent);
      const canvas = still.parentElement?.querySelector("canvas");
      if (canvas) canvas.hidden = true;
      still.remove();
    }
  }
}

customElements.define("stimulus-player", StimulusPlayer);
