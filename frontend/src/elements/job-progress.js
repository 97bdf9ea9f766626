// A job in progress: updates its preview, progress bar, status text and objective curve as the worker reports.
import { requireAttribute } from "../lib/dom.js";
import { formatProgress } from "../lib/formatting.js";
import { listenToJobs } from "../lib/job-events.js";
import { polylinePoints } from "../lib/line-chart.js";

class JobProgress extends HTMLElement {
  #stopListening = () => {};

  connectedCallback() {
    this.#stopListening = listenToJobs({
      onJob: (job) => {
        if (String(job.id) === requireAttribute(this, "job")) this.#show(job);
      },
    });
  }

  disconnectedCallback() {
    this.#stopListening();
  }

  /** @param {import("../lib/job-events.js").Job} job */
  #show({ kind, state, progress, preview }) {
    if (state !== "running" || !progress) return;
    if (preview) this.#showPreview(preview);
    const bar = this.querySelector("progress");
    if (bar) {
      bar.max = progress.steps;
      if (progress.stage && progress.steps <= 1) bar.removeAttribute("value");
      else bar.value = progress.step;
    }
    const text = this.querySelector("[data-progress-text]");
    if (text) text.textContent = formatProgress(kind, progress);
    if (progress.trace.length > 1) {
      this.querySelector("polyline")?.setAttribute("points", polylinePoints(progress.trace));
    }
  }

  /**
   * Show a picture once it is decoded, so that nothing flickers.
   *
   * @param {string} address
   */
  async #showPreview(address) {
    const container = this.querySelector("[data-preview]");
    if (!container) return;
    const next = new Image();
    next.src = address;
    try {
      await next.decode();
    } catch {
      return; // the job has ended meanwhile, and its preview is gone
    }
    const image = container.querySelector("img") ?? container.appendChild(document.createElement("img"));
    image.alt = "The stimulus so far";
    image.src = next.src;
  }
}

customElements.define("job-progress", JobProgress);
