// The button "Share" and its dialog: copies the address of this view and makes a short link to it. The attribute
// `address` is the current address, with all choices that were made on the page.
import { copyField } from "../lib/clipboard.js";
import { closestTarget, requireAttribute, requireElement } from "../lib/dom.js";

const FIELDS_WITH_ADDRESS = "[name=address], [name=cited], [name=bibtex], [name=url]";

class ShareDialog extends HTMLElement {
  #listeners = new AbortController();

  connectedCallback() {
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    requireElement(this, "button", HTMLButtonElement).addEventListener("click", this.#open, { signal });
    this.#dialog.addEventListener("click", this.#copy, { signal });
  }

  disconnectedCallback() {
    this.#listeners.abort();
  }

  get #dialog() {
    return requireElement(this, "dialog", HTMLDialogElement);
  }

  /** @param {string} name */
  #field(name) {
    return requireElement(this.#dialog, `[name=${name}]`, HTMLInputElement);
  }

  #open = async () => {
    const field = this.#field("address");
    const address = requireAttribute(this, "address");
    if (field.value !== address) this.#rewriteFields(field.value, address);
    this.#dialog.showModal();
    this.#showMessage((await copyField(field)) ? "The address is copied." : "Copy the address.");
    await this.#makeShortLink();
  };

  /**
   * Replace the address in all fields: choices have been made since the server rendered them.
   *
   * @param {string} oldAddress
   * @param {string} newAddress
   */
  #rewriteFields(oldAddress, newAddress) {
    this.#field("short").value = "";
    for (const field of this.#dialog.querySelectorAll(FIELDS_WITH_ADDRESS)) {
      if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
        field.value = field.value.replaceAll(oldAddress, newAddress);
      }
    }
    const embed = this.#dialog.querySelector("[name=embed]");
    if (!(embed instanceof HTMLInputElement)) return;
    const embedAddress = `${newAddress}${newAddress.includes("?") ? "&" : "?"}embed=1`;
    embed.value = embed.value.replace(/src="[^"]*"/, `src="${embedAddress}"`);
  }

  /** @param {MouseEvent} event */
  #copy = async (event) => {
    const button = closestTarget(event, "button[data-copy]", HTMLButtonElement);
    const field = button?.parentElement?.querySelector("input");
    if (field) this.#showMessage((await copyField(field)) ? "Copied." : "Press Ctrl+C to copy.");
  };

  async #makeShortLink() {
    const field = this.#field("short");
    if (field.value) return;
    const address = requireAttribute(this, "address");
    try {
      const response = await fetch(requireAttribute(this, "action"), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...JSON.parse(requireAttribute(this, "link")), url: address }),
      });
      const body = await response.json();
      if (!response.ok) throw new Error(body.detail);
      field.value = new URL(body.href, address).href;
      const button = field.parentElement?.querySelector("button");
      if (button) button.disabled = false;
    } catch (error) {
      this.#showMessage(`No short link: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** @param {string} text */
  #showMessage(text) {
    requireElement(this.#dialog, "[role=status]", HTMLElement).textContent = text;
  }
}

customElements.define("share-dialog", ShareDialog);
