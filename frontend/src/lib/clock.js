// Time for all that plays. Players that name the same clock show the same frame; one animation loop moves all clocks.
const PACE = 12.5; // frames a second, as the server's own loops have it (worker/render/encode.py)
const LONGEST = 0.25; // seconds that one tick may count, so that nothing leaps after a tab was out of sight
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const clocks = new Map();
let ticking = 0;
let before = 0;

/** The clock of this name; the first to ask starts it. */
export function clockNamed(name) {
  if (!clocks.has(name)) clocks.set(name, new Clock());
  return clocks.get(name);
}

/** The frame at a place of the endless way that a repetition makes of `frames`. */
export function fold(place, frames, again) {
  if (again === "once") return Math.min(place, frames - 1);
  const period = again === "bounce" ? Math.max(1, 2 * (frames - 1)) : frames;
  const folded = place % period;
  return folded < frames ? folded : period - folded;
}

class Clock {
  #members = new Set();
  #place = 0; // in frames, along the way that `again` makes
  playing = !stillness.matches;
  rate = 1;
  again = "bounce"; // back and forth; or "loop", or "once"

  get frames() {
    return Math.max(1, ...[...this.#members].map((member) => member.frames));
  }

  get frame() {
    return fold(Math.floor(this.#place), this.frames, this.again);
  }

  get runs() {
    return this.playing && [...this.#members].some((member) => member.inSight && member.frames > 1);
  }

  /** A member has `frames`, `inSight`, perhaps `pace` (frames a second), and `show(clock)`. Returns its way out. */
  join(member) {
    this.#members.add(member);
    this.tell();
    return () => this.#members.delete(member);
  }

  /** Members call it when they have changed; everything that moves the clock ends here. */
  tell() {
    for (const member of [...this.#members]) member.show(this);
    wake();
  }

  set(changes) {
    const { frame } = this;
    Object.assign(this, changes);
    if ("again" in changes) this.#place = frame; // which lies elsewhere on the way that this makes
    this.tell();
  }

  /** Stands still at a frame, also before its members have said how many they have. */
  hold(frame) {
    this.playing = false;
    this.#place = frame;
    this.tell();
  }

  toggle() {
    if (!this.playing && this.again === "once" && this.frame === this.frames - 1) this.#place = 0;
    this.playing = !this.playing;
    this.tell();
  }

  seek(frame) {
    this.#place = Math.min(Math.max(0, frame), this.frames - 1);
    this.tell();
  }

  step(by) {
    this.playing = false;
    this.seek((this.frame + by + this.frames) % this.frames);
  }

  advance(seconds) {
    const shown = this.frame;
    const pace = [...this.#members].find((member) => member.pace)?.pace ?? PACE;
    this.#place += seconds * pace * this.rate;
    if (this.again === "once" && this.#place >= this.frames - 1) this.playing = false;
    if (this.frame !== shown || !this.playing) this.tell();
  }
}

function wake() {
  if (ticking || ![...clocks.values()].some((clock) => clock.runs)) return;
  before = performance.now();
  ticking = requestAnimationFrame(tick);
}

function tick(now) {
  const seconds = Math.min(LONGEST, Math.max(0, now - before) / 1000);
  before = now;
  const running = [...clocks.values()].filter((clock) => clock.runs);
  ticking = running.length ? requestAnimationFrame(tick) : 0;
  for (const clock of running) clock.advance(seconds);
}

stillness.addEventListener("change", () => {
  if (stillness.matches) for (const clock of clocks.values()) clock.set({ playing: false });
});
