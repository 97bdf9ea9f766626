// A stimulus or a real clip in motion: its panels (canvases, or a video) show the frame of the clock it names.
// Attribute `frame` says which that is. Where the pictures cannot be had, the stills for browsers without scripts stand in.
import { clockNamed } from "../lib/clock.js";
import { Reel } from "../lib/reel.js";
import { loadStimulus } from "../lib/stimulus.js";

class StimulusPlayer extends HTMLElement {
  static observedAttributes = ["view", "arrows"];
  frames = 1;
  inSight = false;

  connectedCallback() {
    this.leaving = new AbortController();
    this.clock = clockNamed(this.getAttribute("clock") || this.id);
    this.watcher = new IntersectionObserver(([entry]) => {
      this.inSight = entry.isIntersecting;
      this.clock.tell();
    });
    this.sizes = new ResizeObserver(() => this.redraw());
    this.load();
  }

  disconnectedCallback() {
    this.leaving.abort();
    this.leave?.();
    this.watcher.disconnect();
    this.sizes.disconnect();
    this.stimulus?.close();
    this.reel?.close();
    this.stimulus = this.reel = this.leave = null;
  }

  attributeChangedCallback() {
    this.redraw();
  }

  async load() {
    const { signal } = this.leaving;
    try {
      const stimulus = await loadStimulus(this.addresses, this.counts, signal);
      if (signal.aborted) return stimulus.close();
      this.stimulus = stimulus;
    } catch (error) {
      if (!signal.aborted) this.standIn(error);
      return;
    }
    const video = this.querySelector("video[data-panel]");
    if (video) this.reel = new Reel(video, this.counts.video);
    video?.addEventListener("loadedmetadata", () => this.begin(), { signal });
    this.begin();
  }

  begin() {
    this.frames = Math.max(this.stimulus.frames, this.reel?.frames ?? 1);
    this.pace = this.reel?.pace ?? 0;
    if (this.hasAttribute("own-scale")) this.setScale();
    this.setAttribute("painter", this.stimulus.painter.kind);
    this.leave ??= this.clock.join(this);
    this.watcher.observe(this);
    this.sizes.observe(this);
    this.clock.tell();
  }

  // Real clips move little: each has its own scale, and says so.
  setScale() {
    this.scale ??= this.stimulus.flow?.scale;
    for (const words of this.querySelectorAll("[data-scale]")) words.textContent = `${this.scale} px a frame`;
  }

  get addresses() {
    return Object.fromEntries(["appearance", "flow", "sheet"].map((name) => [name, this.getAttribute(name)]));
  }

  get counts() {
    const count = (name) => Number(this.getAttribute(`${name}-frames`)) || 1;
    return { flow: count("flow"), sheet: count("sheet"), video: count("video") };
  }

  /** What the clock tells. Out of sight nothing is drawn but the first picture. */
  show({ frame }) {
    const own = Math.min(frame, this.frames - 1);
    const drawn = this.getAttribute("frame");
    if (drawn === String(own) || (drawn && !this.inSight)) return;
    this.setAttribute("frame", own);
    this.redraw();
  }

  redraw() {
    if (!this.stimulus || !this.hasAttribute("frame")) return;
    const frame = Number(this.getAttribute("frame"));
    const look = {
      view: this.getAttribute("view") ?? "direction",
      arrows: this.hasAttribute("arrows"),
      scale: this.scale,
    };
    for (const canvas of this.querySelectorAll("canvas[data-panel]")) this.stimulus.draw(canvas, frame, look);
    this.reel?.show(frame);
  }

  standIn(error) {
    this.setAttribute("failed", error.message);
    for (const still of this.querySelectorAll("noscript")) {
      still.insertAdjacentHTML("afterend", still.firstElementChild?.outerHTML ?? still.textContent);
      still.parentElement.querySelector("canvas").hidden = true;
      still.remove();
    }
  }
}

customElements.define("stimulus-player", StimulusPlayer);
