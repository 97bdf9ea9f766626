// An animated picture that has no still of its own stands at its first frame for who prefers less motion.
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

class StillMotion extends HTMLElement {
  connectedCallback() {
    stillness.addEventListener("change", this.settle);
    this.settle();
  }

  disconnectedCallback() {
    stillness.removeEventListener("change", this.settle);
  }

  settle = async () => {
    const image = this.querySelector("img");
    this.querySelector("canvas")?.remove();
    image.hidden = stillness.matches;
    if (!stillness.matches) return;
    await image.decode().catch(() => {});
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", image.alt);
    this.append(canvas);
  };
}

customElements.define("still-motion", StillMotion);
