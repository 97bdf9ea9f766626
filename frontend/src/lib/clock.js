// The clocks of players: players with the same clock show the same frame. One animation loop advances all clocks.
const DEFAULT_FRAMES_PER_SECOND = 12.5; // as in the loops that the worker renders (worker/render/webp.py)
const MAX_TICK_SECONDS = 0.25; // no jump ahead after the tab was in the background
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {Map<string, Clock>} */
const clocks = new Map();
let animationFrame = 0; // id of the next animation frame; 0: the loop does not run
let lastTick = 0; // milliseconds

/**
 * A member of a clock. `show` is called with the clock when the current frame changes.
 *
 * @typedef {object} ClockMember
 * @property {number} frames
 * @property {boolean} isVisible
 * @property {number} [framesPerSecond]
 * @property {(clock: Clock) => void} show
 */

/** @typedef {"bounce" | "loop" | "once"} Repeat bounce: back and forth */

/**
 * Return the clock of a name. The first to ask for it creates it.
 *
 * @param {string} name
 */
export function clockNamed(name) {
  const clock = clocks.get(name) ?? new Clock();
  clocks.set(name, clock);
  return clock;
}

/**
 * Return the frame to show after `position` frames of playing.
 *
 * @param {number} position from 0 on, without an end
 * @param {number} frames how many there are
 * @param {Repeat} repeat
 */
export function frameAt(position, frames, repeat) {
  if (repeat === "once") return Math.min(position, frames - 1);
  const period = repeat === "bounce" ? Math.max(1, 2 * (frames - 1)) : frames;
  const phase = position % period;
  return phase < frames ? phase : period - phase;
}

export class Clock {
  /** @type {Set<ClockMember>} */
  #members = new Set();
  #position = 0; // in frames; runs on without an end unless `repeat` is "once"
  playing = !reducedMotion.matches;
  rate = 1;
  /** @type {Repeat} */
  repeat = "bounce";

  get frames() {
    return Math.max(1, ...[...this.#members].map((member) => member.frames));
  }

  get frame() {
    return frameAt(Math.floor(this.#position), this.frames, this.repeat);
  }

  get isRunning() {
    return this.playing && [...this.#members].some((member) => member.isVisible && member.frames > 1);
  }

  /**
   * Add a member. Returns a function that removes it.
   *
   * @param {ClockMember} member
   */
  join(member) {
    this.#members.add(member);
    this.notify();
    return () => {
      this.#members.delete(member);
    };
  }

  /** Show the frame in all members. A member calls this when its own fields have changed. */
  notify() {
    for (const member of [...this.#members]) member.show(this);
    startLoop();
  }

  /** @param {Partial<{ playing: boolean, rate: number, repeat: Repeat }>} changes */
  set(changes) {
    const { frame } = this;
    Object.assign(this, changes);
    if ("repeat" in changes) this.#position = frame; // stay at the frame that is shown
    this.notify();
  }

  /**
   * Pause at a frame. It may be one that no member has yet.
   *
   * @param {number} frame
   */
  pauseAt(frame) {
    this.playing = false;
    this.#position = frame;
    this.notify();
  }

  toggle() {
    if (!this.playing && this.repeat === "once" && this.frame === this.frames - 1) this.#position = 0;
    this.playing = !this.playing;
    this.notify();
  }

  /** @param {number} frame */
  seek(frame) {
    this.#position = Math.min(Math.max(0, frame), this.frames - 1);
    this.notify();
  }

  /** @param {number} frames how many to go on, or back where negative */
  step(frames) {
    this.playing = false;
    this.seek((this.frame + frames + this.frames) % this.frames);
  }

  /** @param {number} seconds */
  advance(seconds) {
    const shown = this.frame;
    const framesPerSecond =
      [...this.#members].find((member) => member.framesPerSecond)?.framesPerSecond ??
      DEFAULT_FRAMES_PER_SECOND;
    this.#position += seconds * framesPerSecond * this.rate;
    if (this.repeat === "once" && this.#position >= this.frames - 1) this.playing = false;
    if (this.frame !== shown || !this.playing) this.notify();
  }
}

function startLoop() {
  if (animationFrame || ![...clocks.values()].some((clock) => clock.isRunning)) return;
  lastTick = performance.now();
  animationFrame = requestAnimationFrame(tick);
}

/** @param {number} now milliseconds */
function tick(now) {
  const seconds = Math.min(MAX_TICK_SECONDS, Math.max(0, now - lastTick) / 1000);
  lastTick = now;
  const running = [...clocks.values()].filter((clock) => clock.isRunning);
  animationFrame = running.length ? requestAnimationFrame(tick) : 0;
  for (const clock of running) clock.advance(seconds);
}

reducedMotion.addEventListener("change", () => {
  if (reducedMotion.matches) for (const clock of clocks.values()) clock.set({ playing: false });
});
