// A video that follows a clock: it never plays by itself, and seeks to the clock's frame, so that it cannot drift.
const DEFAULT_FRAMES_PER_SECOND = 25; // where the page does not say how many frames there are

export class SyncedVideo {
  #wantedFrame = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {number} declaredFrames 1 where the page does not say
   */
  constructor(video, declaredFrames) {
    this.video = video;
    this.declaredFrames = declaredFrames;
    video.removeAttribute("controls");
    video.addEventListener("seeked", this.#seek);
  }

  get frames() {
    if (this.declaredFrames > 1) return this.declaredFrames;
    return Math.max(1, Math.round((this.video.duration || 0) * DEFAULT_FRAMES_PER_SECOND));
  }

  /** 0 until the video says how long it is. */
  get framesPerSecond() {
    return this.video.duration ? this.frames / this.video.duration : 0;
  }

  /** @param {number} frame */
  show(frame) {
    this.#wantedFrame = Math.min(frame, this.frames - 1);
    this.video.dataset.frame = String(this.#wantedFrame);
    this.#seek();
  }

  // One seek at a time: when one ends, the next goes to the newest frame asked for.
  #seek = () => {
    const seconds = (this.#wantedFrame + 0.5) / (this.framesPerSecond || DEFAULT_FRAMES_PER_SECOND);
    if (this.video.readyState < HTMLMediaElement.HAVE_METADATA || this.video.seeking) return;
    if (Math.abs(this.video.currentTime - seconds) > 1e-3) this.video.currentTime = seconds;
  };

  close() {
    this.video.removeEventListener("seeked", this.#seek);
  }
}
