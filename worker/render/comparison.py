"""Draw a real clip beside what accentuation made of it, and what was added."""

import numpy as np

from app.contract.network import StreamName
from app.contract.result import MediaRole, RenderedMedia
from worker.render.flow_color import Pixels, direction_colors
from worker.render.stimulus import Stimulus, enlarge_if_small, flow_in_px, rgb_pixels
from worker.render.webp import encode_loop, encode_still

GAP = 4  # pixels between pictures
GAP_GREY = 24  # of 255


def render_comparison(clip: Stimulus, stimulus: Stimulus) -> RenderedMedia:
    """Return one animation, a row for each stream of the stimulus: the clip, the stimulus, and what was added.

    What was added to pictures is drawn on grey, with its largest value at full contrast; to flow, in the colours of
    flow itself. A stimulus of one frame gives a still.
    """
    rows = [_row(name, clip, stimulus) for name in stimulus]
    frames = max(len(row) for row in rows)
    rows = [row[np.arange(frames) % len(row)] for row in rows]
    width = max(row.shape[2] for row in rows)
    padded = [
        np.pad(row, ((0, 0), (0, GAP), (0, width - row.shape[2]), (0, 0)), constant_values=GAP_GREY) for row in rows
    ]
    drawn = np.concatenate(padded, 1)[:, :-GAP]
    if frames == 1:
        return encode_still(MediaRole.COMPARISON, drawn[0])
    return encode_loop(MediaRole.COMPARISON, drawn)


def _row(name: StreamName, clip: Stimulus, stimulus: Stimulus) -> Pixels:
    """Return the three pictures of a stream side by side, (T, H, W, 3)."""
    before, after = clip[name].astype(np.float32), stimulus[name].astype(np.float32)
    added = after - before
    if name is StreamName.MOTION:
        pictures = [direction_colors(flow_in_px({name: x})) for x in (before, after, added)]
    else:
        largest = float(np.abs(added).max()) or 1.0
        pictures = [rgb_pixels(x) for x in (before, after, added / largest)]
    enlarged = [enlarge_if_small(each) for each in pictures]
    gap = np.full_like(enlarged[0][:, :, :GAP], GAP_GREY)
    return np.concatenate([enlarged[0], gap, enlarged[1], gap, enlarged[2]], 2)
