// "Share" copies the address of exactly this view and makes a short link to it.
import { copy } from "../lib/copy.js";

class ShareView extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.dialog = this.querySelector("dialog");
    this.button.addEventListener("click", this.open);
    this.dialog.addEventListener("click", this.copy);
  }

  disconnectedCallback() {
    this.button.removeEventListener("click", this.open);
    this.dialog.removeEventListener("click", this.copy);
  }

  open = async () => {
    const address = this.dialog.querySelector("[name=address]");
    if (address.value !== this.getAttribute("base")) this.follow(address.value, this.getAttribute("base"));
    this.dialog.showModal();
    this.say((await copy(address)) ? "The address is copied." : "Copy the address.");
    await this.shorten();
  };

  // Other choices were made since the server wrote the address into the fields.
  follow(before, now) {
    this.dialog.querySelector("[name=short]").value = "";
    for (const field of this.dialog.querySelectorAll(
      "[name=address], [name=cited], [name=bibtex], [name=url]",
    )) {
      field.value = field.value.replaceAll(before, now);
    }
    const embed = this.dialog.querySelector("[name=embed]");
    const bare = `${now}${now.includes("?") ? "&" : "?"}embed=1`;
    if (embed) embed.value = embed.value.replace(/src="[^"]*"/, `src="${bare}"`);
  }

  copy = async (event) => {
    const field = event.target.closest("button[data-copy]")?.parentElement.querySelector("input");
    if (field) this.say((await copy(field)) ? "Copied." : "Press Ctrl+C to copy.");
  };

  async shorten() {
    const field = this.dialog.querySelector("[name=short]");
    const button = field.parentElement.querySelector("button");
    if (field.value) return;
    try {
      const answer = await fetch(this.getAttribute("action"), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...JSON.parse(this.getAttribute("link")), url: this.getAttribute("base") }),
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.detail);
      field.value = new URL(body.href, this.getAttribute("base")).href;
      button.disabled = false;
    } catch (error) {
      this.say(`No short link: ${error.message}`);
    }
  }

  say(words) {
    this.dialog.querySelector("[role=status]").textContent = words;
  }
}

customElements.define("share-view", ShareView);
