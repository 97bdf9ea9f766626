// Play, step, scrub, rate, repetition, encoding and arrows for the clock it names and all players on that clock.
import { choose } from "../lib/address.js";
import { clockNamed } from "../lib/clock.js";

const SETTLED = 200; // ms

class PlayerControls extends HTMLElement {
  frames = 1;
  inSight = false;

  connectedCallback() {
    this.clock = clockNamed(this.getAttribute("clock"));
    this.range = this.querySelector("input[type=range]");
    this.addEventListener("click", this.press);
    this.addEventListener("input", this.scrub);
    this.addEventListener("change", this.pick);
    const { rate, again } = Object.fromEntries(
      [...this.querySelectorAll("select")].map((s) => [s.name, s.value]),
    );
    this.clock.set({ rate: Number(rate), again });
    if (this.hasAttribute("held")) this.clock.hold(Number(this.getAttribute("held")) - 1);
    this.leave = this.clock.join(this);
  }

  disconnectedCallback() {
    clearTimeout(this.noting);
    this.leave();
    this.removeEventListener("click", this.press);
    this.removeEventListener("input", this.scrub);
    this.removeEventListener("change", this.pick);
  }

  press = (event) => {
    const button = event.target.closest("button[data-do]");
    if (button) this[button.dataset.do](button);
    if (button) this.note();
    const link = event.target.closest("a[data-view]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.encode(link);
  };

  toggle() {
    this.clock.toggle();
  }

  back() {
    this.clock.step(-1);
  }

  forth() {
    this.clock.step(1);
  }

  arrows(button) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", shown);
    for (const player of this.players) player.toggleAttribute("arrows", shown);
    choose("arrows", shown ? "1" : null);
  }

  // The link of the encoding that is not shown has the key.
  encode(chosen) {
    const { view } = chosen.dataset;
    for (const link of this.querySelectorAll("a[data-view]")) {
      const shown = link === chosen;
      link.setAttribute(shown ? "aria-current" : "aria-keyshortcuts", shown ? "true" : "m");
      link.removeAttribute(shown ? "aria-keyshortcuts" : "aria-current");
    }
    for (const each of [...this.players, ...this.querySelectorAll("flow-legend")])
      each.setAttribute("view", view);
    choose("view", view, { otherwise: "direction" });
  }

  get players() {
    return document.querySelectorAll(`stimulus-player[clock="${CSS.escape(this.getAttribute("clock"))}"]`);
  }

  scrub = ({ target }) => {
    if (target !== this.range) return;
    const frame = Number(target.value); // before the clock tells where it still is
    this.clock.set({ playing: false });
    this.clock.seek(frame);
    this.note();
  };

  // The frame that a person stopped at is in the address. Not at once: browsers count how often it changes.
  note() {
    clearTimeout(this.noting);
    this.noting = setTimeout(() => {
      const { playing, frame } = this.clock;
      choose(this.getAttribute("keeps"), playing ? null : String(frame + 1));
    }, SETTLED);
  }

  pick = ({ target }) => {
    if (!target.matches("select")) return;
    this.clock.set({ [target.name]: target.name === "rate" ? Number(target.value) : target.value });
    choose(target.name, target.value, { otherwise: target.dataset.default });
  };

  show({ frame, frames, playing }) {
    this.toggleAttribute("playing", playing);
    this.querySelector("[data-do=toggle]").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.range.max = frames - 1;
    this.range.value = frame;
    this.range.setAttribute("aria-valuetext", `frame ${frame + 1} of ${frames}`);
    this.querySelector("[data-count]").textContent = `${frame + 1} / ${frames}`;
  }
}

customElements.define("player-controls", PlayerControls);
