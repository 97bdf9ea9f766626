"""What the config in a checkpoint of MMAction2 says of its network, and what is assumed where it says nothing.

The config is the Python text that the library keeps in the checkpoint's `meta`; it is read, never run.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from reprlib import repr as shorten
from typing import Any

from app.contract.errors import InvalidRequest
from worker.networks.families.residual import Pathway
from worker.networks.python_config import read_python_config
from worker.video.flow import FLOW_RANGE_PX

Config = Mapping[str, Any]

RGB_MEAN, RGB_DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of ImageNet, in 8-bit values
FLOW_MEAN, FLOW_DEVIATION = (128.0, 128.0), (128.0, 128.0)  # of flow stored as bytes: 128 for none
TSN_FLOWS = 5  # fields that the library's TSN takes of flow
SIZE, SHORT_SIDE = 224, 256
MAX_FRAMES, MAX_SIDE, MAX_STEP = 256, 1024, 64
CONFIG_KEYS = ("cfg", "config")  # in `meta`, of the library since 1.0 and before
PIPELINES = ("val_pipeline", "test_pipeline", "train_pipeline")


@dataclass(frozen=True)
class Architecture:
    """An architecture of the library: its backbone, and what the released networks of it have."""

    name: str
    backbone: str  # class in the library
    frames: int  # of a clip or, of networks that see frames alone, segments
    library: Config = field(default_factory=dict)  # the class's own defaults, where they differ from Pathway's
    released: Config = field(default_factory=dict)  # the released networks' settings, where they differ from these
    epsilon: float = 1e-5


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("TSN", "ResNet", 8),
        Architecture("TSM", "ResNetTSM", 8),
        Architecture("C2D", "C2D", 8, library={"pool1_padding": 0, "with_pool2": True}),
        Architecture(
            "I3D",
            "ResNet3d",
            32,
            library={"with_pool2": True},
            released={"conv1_stride_t": 2, "pool1_stride_t": 2},
        ),
        Architecture("SlowOnly", "ResNet3dSlowOnly", 8, library={"with_pool2": False}),
        Architecture("SlowFast", "ResNet3dSlowFast", 32),
        Architecture("R(2+1)D", "ResNet2Plus1d", 8, released={"temporal_strides": [1, 2, 2, 2]}, epsilon=1e-3),
    )
}


@dataclass
class Facts:
    """The config of one checkpoint, and what had to be assumed, in words."""

    config: Config | None
    assumed: list[str] = field(default_factory=list)

    @property
    def backbone(self) -> Config:
        return _dictionary(self.config, "model", "backbone")

    @property
    def backbone_name(self) -> str | None:
        """Return the class of the backbone, without the modules that newer configs put before it."""
        name = self.backbone.get("type")
        return name.rpartition(".")[2] if isinstance(name, str) else None

    def steps(self) -> Iterator[Config]:
        """Yield the steps of the pipelines that prepare clips, that of validation first."""
        for name in PIPELINES:
            pipeline = None if self.config is None else self.config.get(name)
            yield from (step for step in pipeline or () if isinstance(step, dict)) if isinstance(pipeline, list) else ()

    def step(self, *names: str) -> Config:
        """Return the first step of one of these types; nothing where there is none."""
        for name in names:
            for step in self.steps():
                if str(step.get("type")).rpartition(".")[2] == name:
                    return step
        return {}


def find_facts(content: Mapping[str, object]) -> Facts:
    """Return what a checkpoint carries of its config."""
    meta = _dictionary(content, "meta")
    for value in (meta.get(key) for key in CONFIG_KEYS):
        config = read_python_config(value) if isinstance(value, str) else value
        if isinstance(config, Mapping) and isinstance(config.get("model"), Mapping):
            return Facts(config)
    return Facts(None)


def find_labels(content: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the classes that a checkpoint carries, in the order of its outputs; none without them."""
    meta, data = _dictionary(content, "meta"), _dictionary(content, "meta", "dataset_meta")
    for names in (data.get("classes"), data.get("CLASSES"), meta.get("CLASSES")):
        if isinstance(names, list | tuple) and names and all(isinstance(name, str) and name for name in names):
            return tuple(names) if len(set(names)) == len(names) else ()
    return ()


def find_frames(facts: Facts, architecture: Architecture, *, sees_frames_alone: bool) -> int:
    """Return how many frames of a clip, or segments, a network takes."""
    sample = facts.step("SampleFrames", "DenseSampleFrames", "UniformSample", "UniformSampleFrames")
    given = sample.get("clip_len")
    if sees_frames_alone:
        clips = sample.get("num_clips", 1)
        sampled = given * clips if isinstance(given, int) and isinstance(clips, int) else None
        # of a TSM the backbone has the number, its class's own by default
        usual = architecture.frames if facts.backbone_name == "ResNetTSM" else sampled
        given = facts.backbone.get("num_segments", usual)
    what = "segments" if sees_frames_alone else "frames"
    return _whole(facts, given, architecture.frames, what, MAX_FRAMES)


def find_interval(facts: Facts) -> int:
    """Return of how many frames of a video the network's training took one."""
    interval = facts.step("SampleFrames", "DenseSampleFrames").get("frame_interval", 1)
    return interval if isinstance(interval, int) else 1


def find_size(facts: Facts) -> tuple[int, int, int]:
    """Return height and width of the crop that a network sees, and the short side of the video before the crop."""
    crop = facts.step("CenterCrop", "ThreeCrop", "TenCrop").get("crop_size")
    if crop is None:
        scales = [step.get("scale") for step in facts.steps() if step.get("keep_ratio") is False]
        crop = next((scale[::-1] for scale in scales if isinstance(scale, list) and len(scale) == 2), None)
    sides = crop if isinstance(crop, list) and len(crop) == 2 else [crop, crop]
    height, width = (_whole(facts, side, SIZE, "", MAX_SIDE) for side in sides)
    if crop is None:
        facts.assumed.append(f"{SIZE} px")
    scale = facts.step("Resize").get("scale")
    positive = [side for side in scale if isinstance(side, int) and side > 0] if isinstance(scale, list) else []
    short = min(positive) if positive else round(SHORT_SIDE / SIZE * min(height, width))
    return height, width, min(max(short, height, width), 2 * MAX_SIDE)


def find_pixels(facts: Facts, channels: int) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
    """Return mean and standard deviation of 8-bit values, for each of the first channels, and whether it takes BGR.

    Raises InvalidRequest for numbers that cannot be these.
    """
    found = _find_scaling(facts)
    if found is None:
        facts.assumed.append("the mean and deviation of ImageNet" if channels == 3 else "flow less 128, over 128")
        return (RGB_MEAN, RGB_DEVIATION, False) if channels == 3 else (FLOW_MEAN, FLOW_DEVIATION, False)
    mean, deviation = _numbers(found.get("mean")), _numbers(found.get("std"))
    fits = len(mean) == len(deviation) > 0 and len(mean) in (channels, 3 if channels == 3 else 2)
    if not fits or min(deviation) <= 0:
        raise InvalidRequest(
            f"The config in the checkpoint scales {channels} channels with the mean {_words(found.get('mean'))} and "
            f"the standard deviation {_words(found.get('std'))}: correct them, one positive number for each channel."
        )
    return mean, deviation, bool(found.get("to_rgb") or found.get("to_bgr")) and channels == 3


def find_flow_scale(facts: Facts, channels: int) -> float | None:
    """Return by how much the bytes that flow is stored as grow with one pixel; None where that is not known.

    It is known of networks that the library has trained: whose config scales bytes, or which have its TSN's channels.
    """
    is_known = _find_scaling(facts) is not None or (facts.config is None and channels == 2 * TSN_FLOWS)
    return 127.5 / FLOW_RANGE_PX if is_known else None


def _find_scaling(facts: Facts) -> Config | None:
    """Return what the config says of how values are scaled, in releases since 1.0 and before."""
    if facts.config is None:
        return None
    old = facts.config.get("img_norm_cfg")
    places = (_dictionary(facts.config, "model", "data_preprocessor"), facts.step("Normalize"), old)
    return next((place for place in places if isinstance(place, Mapping) and "mean" in place), None)


def _words(value: object) -> str:
    return str(value) if isinstance(value, list | int | float) else "unknown"


def find_pathway(facts: Facts, architecture: Architecture, stages: int, own: Config | None = None) -> Pathway:
    """Return the strides, pools and dilations of a network; `own` is the config of one pathway of several."""
    defaults = Pathway()
    given = dict(architecture.library)
    if facts.config is None and architecture.released:
        given |= {key: each[:stages] if isinstance(each, list) else each for key, each in architecture.released.items()}
        facts.assumed.append("the strides in time of the released networks")
    given |= facts.backbone if own is None else own
    many = {
        "temporal_strides": defaults.temporal_strides,
        "spatial_strides": defaults.spatial_strides,
        "dilations": defaults.dilations,
    }
    given.setdefault("spatial_strides", given.get("strides"))  # their name where frames are seen alone
    lists = {
        name: _whole_numbers(name, given.get(name), (*usual, *[2] * stages)[:stages]) for name, usual in many.items()
    }
    numbers = {
        name: _whole_numbers(name, [given.get(name, usual)], (usual,))[0]
        for name, usual in (("conv1_stride_t", 1), ("conv1_stride_s", 2), ("pool1_stride_t", 1), ("pool1_stride_s", 2))
    }
    return Pathway(
        stem_stride=(numbers["conv1_stride_t"], numbers["conv1_stride_s"]),
        pool_stride=(numbers["pool1_stride_t"], numbers["pool1_stride_s"]) if given.get("with_pool1", True) else None,
        pool_padding=given.get("pool1_padding", 1),
        halves_frames="with_pool2" in architecture.library and bool(given["with_pool2"]),
        is_caffe=given.get("style") == "caffe",
        **lists,
    )


def find_sampling(facts: Facts, fusion_kernel: int) -> tuple[int, int]:
    """Return of how many frames the slow and the fast pathway of a SlowFast take one.

    `fusion_kernel` is the length of the lateral convolutions, from which the released networks can be told.
    """
    if facts.config is None:
        slow, ratio = (4, 4) if fusion_kernel == 7 else (8, 8)
        facts.assumed.append(f"a slow pathway of every {slow}th frame and a fast one of all")
    else:
        backbone = facts.backbone
        (slow,) = _whole_numbers("resample_rate", [backbone.get("resample_rate", 8)], (8,))
        (ratio,) = _whole_numbers("speed_ratio", [backbone.get("speed_ratio", 8)], (8,))
    if slow % ratio:
        raise InvalidRequest(
            f"The config in the checkpoint has a resample_rate of {slow} that its speed_ratio of {ratio} does not "
            "divide: correct one of them."
        )
    return slow, slow // ratio


def find_epsilon(facts: Facts, architecture: Architecture) -> float:
    """Return what batch normalisation adds to variances."""
    if facts.config is None:
        return architecture.epsilon
    value = _dictionary(facts.backbone, "norm_cfg").get("eps", 1e-5)
    return float(value) if isinstance(value, int | float) and 0 < value < 1 else 1e-5


def find_shift_div(facts: Facts) -> int:
    """Return of how many channels a TSM takes one from the next frame, and as many from the one before."""
    if facts.config is None:
        facts.assumed.append("a shift of one in 8 channels each way")
    return _whole_numbers("shift_div", [facts.backbone.get("shift_div", 8)], (8,))[0]


def _dictionary(config: Config | None, *keys: str) -> Config:
    """Return a dictionary within dictionaries; an empty one where there is none."""
    value: Any = config
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _numbers(value: object) -> tuple[float, ...]:
    is_list = isinstance(value, list | tuple) and all(isinstance(each, int | float) for each in value)
    numbers = tuple(map(float, value)) if is_list else ()  # type: ignore[call-overload]
    return numbers if all(map(math.isfinite, numbers)) else ()


def _whole(facts: Facts, value: object, usual: int, what: str, largest: int) -> int:
    """Return a number from the config or, with a note, the usual one. Raises InvalidRequest for an absurd one."""
    if not isinstance(value, int):
        facts.assumed += [f"{usual} {what}"] if what else []
        return usual
    if not 1 <= value <= largest:
        raise InvalidRequest(
            f"The config in the checkpoint says {value:,} {what or 'pixels a side'}; 1 to {largest:,} are taken: "
            "correct it."
        )
    return value


def _whole_numbers(name: str, value: object, usual: Sequence[int]) -> tuple[int, ...]:
    """Return as many small numbers as usual. Raises InvalidRequest for anything else that the config gives."""
    if value is None or (isinstance(value, list | tuple) and value and value[0] is None):
        return tuple(usual)
    if (
        isinstance(value, list | tuple)
        and len(value) == len(usual)
        and all(isinstance(each, int) and 1 <= each <= MAX_STEP for each in value)
    ):
        return tuple(value)
    raise InvalidRequest(
        f"The config in the checkpoint has {name}={shorten(value)}, where {len(usual)} numbers from 1 to {MAX_STEP} "
        "were expected: correct it."
    )
