// A video that follows a clock: it never plays by itself but is shown at the frame it is told, so it cannot run away.
const PACE = 25; // frames a second, where nobody says how many frames there are

export class Reel {
  #wanted = 0;

  constructor(video, frames) {
    Object.assign(this, { video, given: frames });
    video.removeAttribute("controls");
    video.addEventListener("seeked", this.catchUp);
  }

  get frames() {
    return this.given > 1 ? this.given : Math.max(1, Math.round((this.video.duration || 0) * PACE));
  }

  /** Frames a second; 0 until the video says how long it is. */
  get pace() {
    return this.video.duration ? this.frames / this.video.duration : 0;
  }

  show(frame) {
    this.#wanted = Math.min(frame, this.frames - 1);
    this.video.dataset.frame = this.#wanted;
    this.catchUp();
  }

  // One way at a time: the newest wish is followed when the last has been reached.
  catchUp = () => {
    const time = (this.#wanted + 0.5) / (this.pace || PACE);
    if (this.video.readyState < HTMLMediaElement.HAVE_METADATA || this.video.seeking) return;
    if (Math.abs(this.video.currentTime - time) > 1e-3) this.video.currentTime = time;
  };

  close() {
    this.video.removeEventListener("seeked", this.catchUp);
  }
}
