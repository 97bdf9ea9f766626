// What a player shows: its pictures, fetched and decoded, and how each kind of panel is drawn at a frame.
import { drawArrows } from "./arrows.js";
import { Carry } from "./carry.js";
import { table } from "./encodings.js";
import * as flat from "./flat.js";
import { Flow } from "./flow.js";
import * as gl from "./gl.js";
import { fetchPicture, Sheet } from "./sheet.js";

const painter = () => (gl.ready() ? gl : flat);

/** `addresses` may name an appearance, a flow sheet and a sheet of frames; `counts` says how many frames a sheet has. */
export async function loadStimulus(addresses, counts, signal) {
  const load = async (name) =>
    addresses[name] ? new Sheet(await fetchPicture(addresses[name], signal), counts[name] ?? 1) : null;
  const [appearance, flow, sheet] = await Promise.all(["appearance", "flow", "sheet"].map(load));
  return new Stimulus(appearance, flow, sheet);
}

class Stimulus {
  constructor(appearance, flow, sheet) {
    this.sheets = [appearance, flow, sheet].filter(Boolean);
    Object.assign(this, { appearance, sheet });
    this.flow = flow && new Flow(flow);
    this.carry = appearance && flow && new Carry(this.flow);
    this.frames = Math.max(sheet?.frames ?? 1, flow ? flow.frames + 1 : 1);
    this.painter = painter();
  }

  /** One panel at a frame. The canvas takes as many pixels as the screen has for it, up to four for each of ours. */
  draw(canvas, frame, { view, arrows, scale }) {
    const picture = this.picture(canvas.dataset.panel, frame, table(view, scale));
    const [, , , width, height] = picture;
    const shown = canvas.clientWidth * devicePixelRatio;
    const times = Math.min(4, Math.max(1, Math.ceil(shown / width)));
    if (canvas.width !== width * times)
      Object.assign(canvas, { width: width * times, height: height * times });
    const context = canvas.getContext("2d");
    context.setTransform(times, 0, 0, times, 0, 0);
    context.drawImage(...picture, 0, 0, width, height);
    if (arrows && this.flow && canvas.dataset.panel !== "appearance") {
      drawArrows(context, this.flow, frame, width / (canvas.clientWidth || width));
    }
    canvas.dataset.frame = frame;
  }

  picture(panel, frame, colours) {
    switch (panel) {
      case "motion":
        return this.paint("motion", this.flow, frame, colours);
      case "carried":
        return this.paint("carried", this.carry, this.appearance, frame);
      case "frames":
        return this.sheet.at(frame);
      default:
        return this.appearance.at(0);
    }
  }

  paint(what, ...how) {
    if (!gl.ready()) this.painter = flat; // a browser may take WebGL away at any time
    return this.painter[what](...how);
  }

  close() {
    if (this.painter === gl) gl.forget(this.flow, this.carry, this.appearance);
    for (const sheet of this.sheets) sheet.close();
  }
}
