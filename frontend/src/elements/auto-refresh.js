// A part of the page that is fetched again when a job changes its state. The attributes network, kind, layer, unit and
// job choose which jobs. A listener may cancel the event `before-refresh` and update the part in its own way.
import { listenToJobs } from "../lib/job-events.js";
import { refreshElement } from "../lib/refresh.js";

const MIN_INTERVAL_MILLISECONDS = 400; // between two fetches, however many jobs change

class AutoRefresh extends HTMLElement {
  /** @type {Map<number, string>} by job */
  #states = new Map();
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  #isStale = false;
  #stopListening = () => {};

  connectedCallback() {
    this.#stopListening = listenToJobs({
      onJob: (job) => {
        if (this.#concerns(job)) this.#noteState(job);
      },
      onOpen: (isReconnected) => {
        if (isReconnected || this.querySelector("job-progress")) this.#refreshSoon();
      },
    });
  }

  disconnectedCallback() {
    this.#stopListening();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** @param {import("../lib/job-events.js").Job} job */
  #concerns(job) {
    const values = { network: job.network, kind: job.kind, layer: job.layer, unit: job.unit, job: job.id };
    return Object.entries(values).every(
      ([name, value]) => !this.hasAttribute(name) || this.getAttribute(name) === String(value),
    );
  }

  /** @param {import("../lib/job-events.js").Job} job */
  #noteState(job) {
    const shown = this.querySelector(`job-progress[job="${job.id}"]`)?.getAttribute("state");
    const before = this.#states.get(job.id) ?? shown;
    this.#states.set(job.id, job.state);
    if (before !== job.state) this.#refreshSoon();
  }

  // A change during a fetch may come too late for its answer: then the part is fetched once more.
  #refreshSoon() {
    this.#isStale = true;
    this.#timer ??= setTimeout(async () => {
      this.#isStale = false;
      const isAllowed = this.dispatchEvent(new CustomEvent("before-refresh", { cancelable: true }));
      if (isAllowed) await refreshElement(this);
      this.#timer = null;
      if (this.#isStale && this.isConnected) this.#refreshSoon();
    }, MIN_INTERVAL_MILLISECONDS);
  }
}

customElements.define("auto-refresh", AutoRefresh);
