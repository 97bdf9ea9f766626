// A notice that the server does not answer, or refuses a request. It is hidden when the server answers again.
import { listenToJobs } from "../lib/job-events.js";

class ServerStatus extends HTMLElement {
  #stopListening = () => {};

  connectedCallback() {
    document.addEventListener("htmx:error", this.#showUnreachable);
    document.addEventListener("htmx:response:error", this.#showRefusal);
    document.addEventListener("htmx:before:request", this.#clear);
    // Listening keeps a stream open, which only pages that show jobs need.
    if (document.querySelector("auto-refresh")) {
      this.#stopListening = listenToJobs({ onOpen: this.#clear, onError: this.#showUnreachable });
    }
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:error", this.#showUnreachable);
    document.removeEventListener("htmx:response:error", this.#showRefusal);
    document.removeEventListener("htmx:before:request", this.#clear);
    this.#stopListening();
  }

  #showUnreachable = () => this.#show("The server does not answer. This page tries again by itself.");

  #clear = () => this.#show("");

  /** @param {Event} event */
  #showRefusal = (event) => {
    const text = /** @type {CustomEvent} */ (event).detail?.ctx?.text ?? "";
    const heading = new DOMParser().parseFromString(text, "text/html").querySelector("[data-error]");
    this.#show(heading?.textContent.trim() || "The server refused this request.");
  };

  /** @param {string} text */
  #show(text) {
    this.textContent = text;
    this.hidden = !text;
  }
}

customElements.define("server-status", ServerStatus);
