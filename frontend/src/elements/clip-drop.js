// A file field that takes what is dropped on it, says what was chosen, and refuses at once what is too large.
class ClipDrop extends HTMLElement {
  connectedCallback() {
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.input = this.querySelector("input[type=file]");
    this.words = this.querySelector("[data-words]");
    this.invitation ??= this.words.textContent;
    this.input.addEventListener("change", this.chosen, { signal });
    for (const name of ["dragover", "dragleave", "drop"]) this.addEventListener(name, this.drag, { signal });
  }

  disconnectedCallback() {
    this.leaving.abort();
  }

  drag = (event) => {
    event.preventDefault();
    this.toggleAttribute("over", event.type === "dragover");
    if (event.type !== "drop" || !event.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    this.input.files = one.files;
    this.chosen();
  };

  chosen = () => {
    const [file] = this.input.files;
    const limit = Number(this.getAttribute("limit"));
    const size = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
    const isTooLarge = file && file.size > limit;
    this.input.setCustomValidity(
      isTooLarge ? `It has ${size(file.size)}; ${size(limit)} are taken. Cut it shorter.` : "",
    );
    if (isTooLarge) this.input.reportValidity();
    this.words.textContent = file ? `${file.name}, ${size(file.size)}` : this.invitation;
  };
}

customElements.define("clip-drop", ClipDrop);
