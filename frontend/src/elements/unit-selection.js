// Units ticked in a grid: how many they are, what can be done with so many, and x to tick the one in focus.
class UnitSelection extends HTMLElement {
  connectedCallback() {
    this.dataset.keys = "x";
    this.dataset.does = "tick the unit in focus";
    this.addEventListener("change", this.count);
    this.addEventListener("reset", this.afterwards);
    document.addEventListener("keydown", this.press);
    document.addEventListener("htmx:after:swap", this.count); // the server knows of no ticks
    this.count();
  }

  disconnectedCallback() {
    this.removeEventListener("change", this.count);
    this.removeEventListener("reset", this.afterwards);
    document.removeEventListener("keydown", this.press);
    document.removeEventListener("htmx:after:swap", this.count);
  }

  get ticked() {
    return this.querySelectorAll("[name=u]:checked").length;
  }

  count = () => {
    const chosen = this.ticked;
    const bar = this.querySelector(".action-bar");
    bar.querySelector("[data-chosen]").textContent = `${chosen} chosen`;
    bar.querySelector("[data-few]").disabled = chosen > Number(this.getAttribute("most"));
  };

  afterwards = () => setTimeout(this.count); // a form is cleared after it has said so

  press = (event) => {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = document.activeElement?.closest?.("[id^=pick-]")?.querySelector("[name=u]");
    if (!box || !this.contains(box)) return;
    event.preventDefault();
    box.click();
  };
}

customElements.define("unit-selection", UnitSelection);
