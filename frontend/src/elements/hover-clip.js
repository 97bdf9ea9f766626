// A real clip that plays.
import { Hover } from "../lib/hover.js";

class HoverClip extends Hover {
  play() {
    this.querySelector("video")
      ?.play()
      .catch(() => {}); // a browser may refuse, and a person may leave before it has begun
  }

  // Loading anew is what brings the poster back.
  rest() {
    const video = this.querySelector("video");
    if (!video || video.paused) return;
    video.pause();
    video.load();
  }
}

customElements.define("hover-clip", HoverClip);
