"""What a MatConvNet file says of its inputs: which is appearance and which motion, their size, means and scaling."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.contract.errors import InvalidRequest
from worker.networks.matconvnet_graph import Graph

DEFAULT_SIZE = 224
EIGHT_BIT_MEAN = (100.0, 156.0)  # a mean of flow within these is that of 8-bit images, whose middle is no motion
EIGHT_BIT_MIDDLE = 127.5
EIGHT_BIT_SCALE = 127.5 / 20  # of images that span -20 to 20 px, as those of the releases do
FLOW_NAMES = ("flow", "temporal", "motion")
DEFAULT_FRAMES, MAX_FRAMES = 5, 64


@dataclass(frozen=True)
class AppearanceInput:
    """The variable that RGB enters by: 8-bit values less the mean."""

    variable: str
    mean: tuple[float, ...]  # R, G, B


@dataclass(frozen=True)
class MotionInput:
    """The variable that flow enters by: `middle` plus a scale times pixels a frame, less the mean of each channel."""

    variable: str
    fields: int  # L: channels are u1 v1 u2 v2 ... uL vL
    middle: float
    mean: tuple[float, ...]


@dataclass(frozen=True)
class InputFacts:
    """The inputs of a network, and sentences about what was read and what was assumed."""

    appearance: AppearanceInput | None
    motion: MotionInput | None
    flow_scale: float | None  # that the file tells of; None if it does not, or has no flow
    size: tuple[int, int]  # height and width
    short_side: int  # of the video before the crop
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "appearance": None if self.appearance is None else asdict(self.appearance),
            "motion": None if self.motion is None else asdict(self.motion),
            "size": list(self.size),
            "short_side": self.short_side,
        }


def read_inputs(graph: Graph, channels: Mapping[str, int | None]) -> InputFacts:
    """Return the facts of the inputs with these channels. Raises InvalidRequest where they are not RGB and flow."""
    appearance, motion = _tell_apart(channels)
    notes: list[str] = []
    fields = (channels[motion] or 0) // 2 if motion is not None else 0
    rgb_mean, flow_mean = _means(graph, fields, has_both=None not in (appearance, motion), notes=notes)
    height, width, short_side = _size(graph, notes)
    rgb = None
    if appearance is not None:
        rgb = AppearanceInput(appearance, tuple(rgb_mean or (0.0, 0.0, 0.0)))
        less = ", ".join(f"{value:g}" for value in np.round(rgb.mean, 1))
        notes.append(f"RGB from 0 to 255 less {less}." if rgb_mean else "RGB from 0 to 255 (the file has no mean).")
    flow, scale = None, None
    if motion is not None:
        mean = tuple(flow_mean or [0.0] * 2 * fields)
        is_image = EIGHT_BIT_MEAN[0] < float(np.mean(mean)) < EIGHT_BIT_MEAN[1]
        scale = EIGHT_BIT_SCALE if is_image else None
        flow = MotionInput(motion, fields, EIGHT_BIT_MIDDLE if is_image else 0.0, mean)
        notes.append(f"Flow: L = {fields} fields, channels taken as u1 v1 u2 v2 ..., less {np.mean(mean):.4g}.")
    return InputFacts(rgb, flow, scale, (height, width), short_side, tuple(notes))


def _tell_apart(channels: Mapping[str, int | None]) -> tuple[str | None, str | None]:
    """Return the variables of appearance and motion, by their channels and, where these leave it open, their names."""
    appearance, motion = [], []
    for name, count in channels.items():
        if count is not None and count > 0 and count % 2 == 0:
            motion.append(name)
        elif count == 3 and not any(word in name.lower() for word in FLOW_NAMES):
            appearance.append(name)
        else:
            found = "of unknown channels" if count is None else f"of {count} channels"
            raise InvalidRequest(
                f"The input `{name}` of the network is one {found}; RGB has 3, and optical flow 2 for each field "
                "(20 for L = 10). Register a network with other inputs with a family file of your own."
            )
    if len(appearance) > 1 or len(motion) > 1:
        each = ", ".join(f"`{name}` of {count}" for name, count in channels.items())
        raise InvalidRequest(
            f"The network has the inputs {each} channels; taken are one of RGB and one of optical flow, or one of both."
        )
    return next(iter(appearance), None), next(iter(motion), None)


def _means(
    graph: Graph, fields: int, *, has_both: bool, notes: list[str]
) -> tuple[Sequence[float] | None, Sequence[float] | None]:
    """Return the means of RGB and of flow. Two-stream files have both in one array, flow first."""
    image = graph.normalization().get("averageImage")
    if not isinstance(image, np.ndarray) or not image.size or image.dtype.kind not in "biuf":
        return None, None
    values = image.astype(np.float64)
    colours = values.mean((0, 1)) if values.ndim == 3 else values.ravel()
    found = [float(value) for value in colours.ravel()]
    if not np.isfinite(found).all():
        raise InvalidRequest("The mean image of the network (`averageImage`) has values that are no numbers.")
    flow_count = 2 * fields
    if has_both and len(found) == flow_count + 3:
        return found[flow_count:], found[:flow_count]
    if len(found) == 1:
        return found * 3, found * flow_count
    if len(found) == 3 and (fields == 0 or has_both):
        return found, None
    if fields and len(found) == flow_count:
        return None, found
    notes.append(f"The mean image of the file has {len(found)} channels, which are not those of the inputs: not used.")
    return None, None


def _size(graph: Graph, notes: list[str]) -> tuple[int, int, int]:
    """Return height and width of the input, and the shorter side of the video before it is cropped to that."""
    given = graph.normalization().get("imageSize")
    numbers = [float(value) for value in given.ravel(order="F")] if isinstance(given, np.ndarray) else []
    is_given = len(numbers) >= 2 and all(16 <= number <= 1024 for number in numbers[:2])
    height, width = (int(number) for number in numbers[:2]) if is_given else (DEFAULT_SIZE, DEFAULT_SIZE)
    if not is_given:
        notes.append(f"The file states no size of its input: {height} x {width} is assumed.")
    border = graph.normalization().get("border")
    edges = [float(value) for value in border.ravel()[:2]] if isinstance(border, np.ndarray) and border.size else []
    edge = min(edges) if edges and 0 <= min(edges) <= max(height, width) else min(height, width) * 32 / 224
    return height, width, int(min(height, width) + edge)


def stated_frames(graph: Graph) -> int | None:
    """Return the frames that the network was last run on, which training leaves in the file; None if it did not."""
    given = graph.meta.get("curNumFrames")
    if isinstance(given, np.ndarray) and given.size and np.isfinite(given).all():
        frames = int(given.max())
        return frames if 2 <= frames <= MAX_FRAMES else None
    return None
