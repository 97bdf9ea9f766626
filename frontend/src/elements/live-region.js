// A part of the page that shows jobs' states: when one changes, it is fetched anew,
// unless who hears its `renew` does so. Attributes narrow whose.
import { listen } from "../lib/events.js";
import { refresh } from "../lib/swap.js";

const PAUSE = 400; // at most one fetch in so many milliseconds, however many jobs end

class LiveRegion extends HTMLElement {
  #states = new Map();
  #timer = null;
  #isStale = false;

  connectedCallback() {
    this.stop = listen({
      job: (job) => this.concerns(job) && this.seen(job),
      opened: (again) => (again || this.querySelector("job-progress")) && this.later(),
    });
  }

  disconnectedCallback() {
    this.stop();
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  concerns(job) {
    const names = { network: job.network, kind: job.kind, layer: job.layer, unit: job.unit, job: job.id };
    return Object.entries(names).every(
      ([name, value]) => !this.hasAttribute(name) || this.getAttribute(name) === String(value),
    );
  }

  seen(job) {
    const shown = this.querySelector(`job-progress[job="${job.id}"]`)?.getAttribute("state");
    const before = this.#states.get(job.id) ?? shown;
    this.#states.set(job.id, job.state);
    if (before !== job.state) this.later();
  }

  // What changes while the part is on its way may have come too late for it: then once more.
  later() {
    this.#isStale = true;
    this.#timer ??= setTimeout(async () => {
      this.#isStale = false;
      const isOurs = this.dispatchEvent(new CustomEvent("renew", { cancelable: true }));
      if (isOurs) await refresh(this);
      this.#timer = null;
      if (this.#isStale && this.isConnected) this.later();
    }, PAUSE);
  }
}

customElements.define("live-region", LiveRegion);
