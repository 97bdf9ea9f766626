// A real clip that plays while it is hovered or focused.
import { PlayOnHover } from "../lib/play-on-hover.js";

class HoverClip extends PlayOnHover {
  play() {
    this.querySelector("video")
      ?.play()
      .catch(() => {}); // a browser may refuse, and a person may leave before it has begun
  }

  // Loading the video again brings its poster back.
  stop() {
    const video = this.querySelector("video");
    if (!video || video.paused) return;
    video.pause();
    video.load();
  }
}

customElements.define("hover-clip", HoverClip);
