"""Draw a stimulus as HTML that plays in a notebook: pictures are in it, and it loads nothing.

Where scripts run, buttons and a slider move all pictures in step; elsewhere the animations play by themselves.
"""

import base64
import html
import uuid
from dataclasses import dataclass

from app.contract.network import StreamName
from app.contract.result import Measurements, MediaRole, RenderedMedia
from worker.render.flow_color import Pixels, direction_colors, own_scale
from worker.render.stimulus import Stimulus, enlarge_if_small, flow_in_px, rgb_pixels, warp_along_flow
from worker.render.webp import LOOP_FRAME_MS, SHEET_COLUMNS, contact_sheet, encode_loop, encode_still

CARRIED_ZOOM = 0.6  # the picture carried along the motion is smaller than the two that it is made from

PLAYER = """<div id="{id}" style="font:13px system-ui,sans-serif">
<div style="display:flex;gap:12px;flex-wrap:wrap">{panels}</div>
<p style="margin:6px 0" hidden><button type="button">Pause</button>
<input type="range" min="0" max="{last}" value="0" aria-label="Frame"> <output></output></p>
<p style="margin:6px 0">{caption}</p></div>
<script>{script}</script>"""

PANEL = """<figure style="margin:0;zoom:{zoom}"><img src="{loop}" alt="{alt}" width="{width}" height="{height}" \
data-sheet="{sheet}" data-frames="{frames}"><figcaption>{caption}</figcaption></figure>"""

# plays forward and backward, like the animations that it replaces
SCRIPT = """(() => {
const root = document.getElementById("%(id)s"), bar = root.querySelector("p[hidden]");
const [button, slider, output] = bar.children, last = Number(slider.max);
let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches, step = 1, now = 0;
const panels = [...root.querySelectorAll("img[data-sheet]")].map((image) => {
  const sheet = new Image(), canvas = document.createElement("canvas");
  canvas.width = image.width; canvas.height = image.height;
  sheet.onload = () => { image.replaceWith(canvas); show(now); };
  sheet.src = image.dataset.sheet;
  return { sheet, canvas, frames: Number(image.dataset.frames) };
});
function show(frame) {
  now = frame; slider.value = frame; output.value = `${frame + 1} of ${last + 1}`;
  for (const { sheet, canvas, frames } of panels) {
    const at = Math.min(frame, frames - 1), { width, height } = canvas;
    const column = at %% %(columns)d, row = Math.floor(at / %(columns)d);
    canvas.getContext("2d").drawImage(sheet, column * width, row * height, width, height, 0, 0, width, height);
  }
}
const name = () => { button.textContent = playing ? "Pause" : "Play"; };
button.onclick = () => { playing = !playing; name(); };
slider.oninput = () => { if (playing) button.onclick(); show(Number(slider.value)); };
if (last > 0) {
  bar.hidden = false; name();
  const timer = setInterval(() => {
    if (!root.isConnected) { clearInterval(timer); return; }
    if (!playing) return;
    if (now + step > last || now + step < 0) step = -step;
    show(now + step);
  }, %(milliseconds)d);
}
})();"""


@dataclass(frozen=True)
class Panel:
    """A moving picture of a stimulus, (T, H, W, 3)."""

    caption: str
    frames: Pixels
    note: str = ""  # follows the caption
    zoom: float = 1


def draw_player(stimulus: Stimulus, name: str, measurements: Measurements) -> str:
    """Return the HTML that shows a stimulus (D, T, H, W) of each stream: its frames, or its appearance and motion."""
    panels = list_panels(stimulus)
    identifier = f"kinetoscope-{uuid.uuid4().hex}"
    numbers = {"id": identifier, "columns": SHEET_COLUMNS, "milliseconds": LOOP_FRAME_MS}
    return PLAYER.format(
        id=identifier,
        panels="".join(_draw_panel(panel, name) for panel in panels),
        last=max(len(panel.frames) for panel in panels) - 1,
        caption=html.escape(f"{name}: activation {measurements.activation:.3g}, {measurements.seconds:.1f} s"),
        script=SCRIPT % numbers,
    )


def list_panels(stimulus: Stimulus) -> list[Panel]:
    """Return the moving pictures of a stimulus: a clip; or appearance, motion, and the one carried along the other."""
    if StreamName.CLIP in stimulus:
        return [Panel("", rgb_pixels(stimulus[StreamName.CLIP]))]
    panels = []
    if StreamName.APPEARANCE in stimulus:
        panels.append(Panel("appearance", rgb_pixels(stimulus[StreamName.APPEARANCE])))
    if StreamName.MOTION in stimulus:
        flow = flow_in_px(stimulus)
        scale = own_scale(flow)
        panels.append(Panel("motion", direction_colors(flow, scale), f", full colour: {scale:g} px/frame or more"))
    if len(panels) == 2:
        carried = warp_along_flow(panels[0].frames[0], flow)
        panels.append(Panel("appearance carried along the motion", carried, zoom=CARRIED_ZOOM))
    return panels


def _draw_panel(panel: Panel, name: str) -> str:
    frames = enlarge_if_small(panel.frames)
    _, height, width, _ = frames.shape
    loop, sheet = encode_loop(MediaRole.LOOP, frames), encode_still(MediaRole.SHEET, contact_sheet(frames))
    return PANEL.format(
        loop=_data_url(loop),
        sheet=_data_url(sheet),
        alt=html.escape(f"{panel.caption or 'The stimulus'} of {name}", quote=True),
        width=width,
        height=height,
        frames=len(frames),
        caption=html.escape(panel.caption + panel.note),
        zoom=panel.zoom,
    )


def _data_url(medium: RenderedMedia) -> str:
    return f"data:{medium.type};base64,{base64.b64encode(medium.data).decode()}"
