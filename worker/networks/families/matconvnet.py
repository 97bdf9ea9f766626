"""Networks of MatConvNet: the graph that the file describes, run by torch.

Made for the two-stream networks of Feichtenhofer, Pinz, Wildes and Zisserman: VGG-16 and ResNet-50 fused after conv5
(arXiv 1604.06573) and ST-ResNet (arXiv 1611.02155), and their streams alone. Layers have their names in the file.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, OmittedModule, Stream, StreamName
from worker.graph.inputs import Inputs
from worker.networks.families.matconvnet_blocks import MODULES
from worker.networks.families.matconvnet_inputs import DEFAULT_FRAMES, MAX_FRAMES, read_inputs, stated_frames
from worker.networks.families.matconvnet_paths import Paths, find_paths
from worker.networks.families.matconvnet_plan import Plan, Planner, convolution_channels
from worker.networks.families.two_stream import MOTION_BOUND
from worker.networks.labels import check_label_count
from worker.networks.matconvnet_graph import Graph, class_names
from worker.networks.matlab_weights import GRAPH_KEY
from worker.networks.omitted import MAX_OMITTED
from worker.networks.registry import Family, Recognised, find_family, register
from worker.video.flow import FLOW_UNIT_PX, TVL1

Config = Mapping[str, Any]
SCORES = ("Conv", "ConvTime", "Conv3D", "Sum", "Scale", "BatchNorm", "Pooling", "PoolTime")  # what may end in classes


class MatConvNet(nn.Module):
    """A network that maps its streams to logits (B, classes), the mean of the prediction over positions and frames.

    With one frame it takes inputs[appearance] (B, 3, H, W) and inputs[motion] (B, 2L, H, W). Where blocks work along
    time, it takes inputs[clip] (B, 3, T, H, W) and inputs[motion] (B, 2 (L + T - 1), H, W), and frame t sees the L
    fields from t on, so that the frame is in their middle.
    """

    _rgb_mean: Tensor
    _flow_mean: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        # layers of a file may be called `prediction` or `motion`, and none begins with an underscore
        self._frames, self._prediction = config["frames"], config["prediction"]
        self.omitted = tuple(OmittedModule(module=name, reason=reason) for name, reason in config["omitted"])
        rank = 2 if self._frames is None else 3
        self._steps = config["steps"]
        reads = [name for step in self._steps for name in set(step["inputs"])]
        self._readers = {name: reads.count(name) for name in reads}
        for step in self._steps:
            self.add_module(step["name"], MODULES[step["kind"]](rank, step["options"]))
        self._appearance, self._motion = config["appearance"], config["motion"]
        axes = [1] * rank
        if self._appearance is not None:
            mean = torch.tensor(self._appearance["mean"]).view(1, -1, *axes)
            self.register_buffer("_rgb_mean", mean, persistent=False)
        if self._motion is not None:
            self._flow_scale = config["flow_scale"] * FLOW_UNIT_PX
            mean = torch.tensor(self._motion["mean"]).view(1, -1, *axes) - self._motion["middle"]
            self.register_buffer("_flow_mean", mean, persistent=False)

    def forward(self, inputs: Inputs) -> Tensor:
        values: dict[str, Tensor] = {}
        if self._appearance is not None:
            pictures = inputs[StreamName.APPEARANCE if self._frames is None else StreamName.CLIP]
            values[self._appearance["variable"]] = (pictures + 1) * 127.5 - self._rgb_mean
        if self._motion is not None:
            flow = inputs[StreamName.MOTION]
            flow = flow if self._frames is None else self._windows(flow)
            values[self._motion["variable"]] = flow * self._flow_scale - self._flow_mean
            if self._frames is not None and self._appearance is not None and pictures.shape[2] != flow.shape[2]:
                raise ValueError(f"its flow is of {flow.shape[2]} frames, and its clip has {pictures.shape[2]}")
        unread = dict(self._readers)
        for step in self._steps:
            values[step["output"]] = self.get_submodule(step["name"])(*(values[name] for name in step["inputs"]))
            for name in set(step["inputs"]):
                unread[name] -= 1
                if not unread[name]:
                    del values[name]  # so that a map is freed once nothing needs it
        return values[self._prediction].flatten(2).mean(2)

    def _windows(self, flow: Tensor) -> Tensor:
        """Return the L fields that each frame sees, (B, 2L, T, H, W), of flow (B, 2 (L + T - 1), H, W)."""
        fields = self._motion["fields"]
        frames = flow.shape[1] // 2 - fields + 1
        return torch.stack([flow[:, 2 * first : 2 * (first + fields)] for first in range(frames)], 2)


def recognise(state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    """Return the network of a MATLAB file that holds one of MatConvNet."""
    graph = content.get(GRAPH_KEY)
    if not isinstance(graph, Graph):
        return None
    paths = find_paths(graph)
    head = paths.blocks[-1]
    if head.kind not in SCORES:
        raise InvalidRequest(
            f"The network ends in {head.name} ({head.kind}), which gives no scores of classes: the file lacks the "
            "prediction."
        )
    channels = {name: convolution_channels(state, paths.blocks, name) for name in paths.inputs}
    facts = read_inputs(graph, channels)
    planner = Planner(state, paths, {name: count or 0 for name, count in channels.items()})
    plan = planner.run()
    classes = planner.channels[paths.prediction]
    frames, frame_note = _choose_frames(graph, plan)
    labels = class_names(graph.meta, classes)
    named = "those in the file" if labels else "those of `--labels`, because the file does not name them"
    config = {
        **facts.as_json(),
        "flow_scale": facts.flow_scale,
        "frames": frames,
        "steps": plan.steps,
        "prediction": paths.prediction,
        "classes": classes,
        "labels": labels,
        "omitted": _left_out(graph, paths),
        "notes": [*_head_notes(paths), *facts.notes, *frame_note, f"Names and order of classes: {named}."],
    }
    if facts.motion is None:
        del config["flow_scale"]
    return Recognised(json.dumps(config), plan.state)


def _choose_frames(graph: Graph, plan: Plan) -> tuple[int | None, list[str]]:
    """Return the frames of a clip, and a sentence; None for a network that works on one frame."""
    if plan.rank == 2:
        return None, []
    stated = stated_frames(graph)
    for frames in filter(None, (stated, *range(DEFAULT_FRAMES, MAX_FRAMES + 1))):
        if _fits(plan, frames):
            source = "as the file was last run on" if frames == stated else "which the file leaves open"
            return frames, [f"{frames} consecutive frames, {source} (training took frames further apart)."]
    raise InvalidRequest(
        f"The network pools along time, and no clip of {DEFAULT_FRAMES} to {MAX_FRAMES} frames fits it."
    )


def _fits(plan: Plan, frames: int) -> bool:
    """Return whether a clip of so many frames leaves each block at least one, and as many for all that it joins."""
    lengths: dict[str, int] = {}
    for step in plan.steps:
        each = {lengths.get(name, frames) for name in step["inputs"]}
        if len(each) > 1:
            return False
        (length,) = each
        options = step["options"]
        if step["kind"] in ("convolution", "pooling"):
            window = options["shape"][2] if step["kind"] == "convolution" else options["size"][0] or length
            window = (window - 1) * options.get("dilate", [1])[0] + 1
            length = (length + options["pad"][4] + options["pad"][5] - window) // options["stride"][0] + 1
        if length < 1:
            return False
        lengths[step["output"]] = length
    return True


def _left_out(graph: Graph, paths: Paths) -> list[tuple[str, str]]:
    joined = [block for block in paths.blocks if block.kind == "Concat"]
    found = [(block.name, f"joins units that are shown themselves: {', '.join(block.inputs)}") for block in joined]
    for name, head in paths.left_out:
        what = "another prediction" if name == head else f"leads to {head} alone, which is another prediction"
        found.append((name, f"{what}; classes are those of {paths.head}"))
    return found[:MAX_OMITTED]


def _head_notes(paths: Paths) -> list[str]:
    others = list(dict.fromkeys(head for _, head in paths.left_out))
    if not others:
        return []
    return [
        f"The file has {len(others) + 1} predictions: classes are those of {paths.head}, not of {', '.join(others)}."
    ]


def configure(text: str) -> Family:
    """Return the family of one network, from the config that its weights carry."""
    config = json.loads(text)
    (height, width), frames, motion = config["size"], config["frames"], config["motion"]
    streams = []
    if config["appearance"] is not None:
        name = StreamName.APPEARANCE if frames is None else StreamName.CLIP
        streams.append(Stream(name=name, frames=frames or 1, height=height, width=width))
    length = frames or 1
    if motion is not None:
        length = motion["fields"] + length - 1
        bound = MOTION_BOUND
        streams.append(Stream(name=StreamName.MOTION, frames=length, height=height, width=width, bound=bound))

    def build(classes: int) -> nn.Module:
        check_label_count(config["classes"], classes)
        return MatConvNet(config)

    kind = {(True, True): "Two-stream", (True, False): "Appearance", (False, True): "Motion"}
    title = kind[config["appearance"] is not None, motion is not None]
    scale = f" Flow enters at {config['flow_scale']:g} a pixel." if motion is not None else ""
    return replace(
        find_family("matconvnet"),
        title=f"{title} network of MatConvNet",
        summary=" ".join(config["notes"]) + scale,
        build=build,
        streams=tuple(streams),
        stimulus=Extent(frames=frames or length, height=height, width=width),
        labels=tuple(config["labels"]),
        short_side=config["short_side"],
    )


@register(
    name="matconvnet",
    title="MatConvNet",
    summary="A network in a file of MatConvNet.",
    streams=[
        Stream(name=StreamName.APPEARANCE, frames=1, height=224, width=224),
        Stream(name=StreamName.MOTION, frames=10, height=224, width=224, bound=MOTION_BOUND),
    ],
    stimulus=Extent(frames=10, height=224, width=224),
    classes=101,
    flow=TVL1,
    configure=configure,
    recognise=recognise,
)
def _refuse_without_config(classes: int) -> nn.Module:
    raise InvalidRequest(
        "Weights of MatConvNet need the graph of their network: give its file, `networks add FILE.mat`."
    )
