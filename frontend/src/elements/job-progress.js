// A live job: its newest picture, its bar, its words and its objective grow as the worker reports.
import { listen } from "../lib/events.js";
import { points } from "../lib/trace.js";
import { progressWords } from "../lib/words.js";

class JobProgress extends HTMLElement {
  connectedCallback() {
    this.stop = listen({ job: (job) => String(job.id) === this.getAttribute("job") && this.show(job) });
  }

  disconnectedCallback() {
    this.stop();
  }

  show(job) {
    const { state, progress, preview } = job;
    if (state !== "running" || !progress) return;
    if (preview) this.picture(preview);
    const bar = this.querySelector("progress");
    if (bar) {
      bar.max = progress.steps;
      bar.value = progress.step;
    }
    const words = this.querySelector("[data-words]");
    if (words) words.textContent = progressWords(job);
    const line = this.querySelector("polyline");
    if (line && progress.trace.length > 1) line.setAttribute("points", points(progress.trace));
  }

  // The next picture is decoded before it is shown, so that nothing flickers.
  async picture(address) {
    const place = this.querySelector("[data-preview]");
    if (!place) return;
    const next = new Image();
    next.src = address;
    try {
      await next.decode();
    } catch {
      return; // the job ended meanwhile, and its preview with it
    }
    const image = place.querySelector("img") ?? place.appendChild(document.createElement("img"));
    image.alt = "The stimulus so far";
    image.src = next.src;
  }
}

customElements.define("job-progress", JobProgress);
