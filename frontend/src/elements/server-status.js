// Says when the server is gone or refuses, and takes it back when it answers again.
import { listen } from "../lib/events.js";

class ServerStatus extends HTMLElement {
  connectedCallback() {
    document.addEventListener("htmx:error", this.gone);
    document.addEventListener("htmx:response:error", this.refused);
    document.addEventListener("htmx:before:request", this.well);
    // Listening keeps a stream open: only a page that shows jobs needs one.
    if (document.querySelector("live-region")) {
      this.stop = listen({ opened: this.well, failed: this.gone });
    }
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:error", this.gone);
    document.removeEventListener("htmx:response:error", this.refused);
    document.removeEventListener("htmx:before:request", this.well);
    this.stop?.();
  }

  gone = () => this.say("The server does not answer. This page tries again by itself.");
  well = () => this.say("");
  refused = (event) => {
    const heading = new DOMParser()
      .parseFromString(event.detail?.ctx?.text ?? "", "text/html")
      .querySelector("[data-error]");
    this.say(heading?.textContent.trim() || "The server refused this request.");
  };

  say(words) {
    this.textContent = words;
    this.hidden = !words;
  }
}

customElements.define("server-status", ServerStatus);
