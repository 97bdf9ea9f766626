"""The config that stored weights of a residual network carry: its plan, its input and its labels, as JSON."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.residual import Pathway, Plan
from worker.networks.flow_scale import KEY as FLOW_SCALE
from worker.video.flow import FLOW_UNIT_PX


@dataclass(frozen=True)
class Description:
    """All that is stored of a network beside its tensors."""

    title: str
    plan: Plan
    frames: int  # of its clip, or of flow
    height: int
    width: int
    short_side: int  # of a video before the crop
    labels: tuple[str, ...]
    bound: float = 1.0  # of a stimulus, see Stream
    is_segmented: bool = False  # sees frames alone, which lie apart in training
    interval: int = 1  # of how many frames its training took one
    has_config: bool = True  # came with a config
    assumed: tuple[str, ...] = ()  # what had to be assumed, in words
    flow_scale: float | None = None  # of networks of flow, see worker.networks.flow_scale; None: it is asked for

    @property
    def stream(self) -> Stream:
        return Stream(name=self.plan.stream, frames=self.frames, height=self.height, width=self.width, bound=self.bound)

    @property
    def stimulus(self) -> Extent:
        return Extent(frames=self.frames, height=self.height, width=self.width)


def to_json(description: Description) -> str:
    """Return a description as the text that is stored."""

    def plain(value: Any) -> Any:
        return sorted(value) if isinstance(value, frozenset) else value

    content = asdict(description)
    if description.plan.stream is not StreamName.MOTION:
        del content[FLOW_SCALE]
    content["plan"] = {name: plain(value) for name, value in content["plan"].items()}
    return json.dumps(content, sort_keys=True)


def from_json(text: str) -> Description:
    """Return the description that a text holds."""
    content = json.loads(text)
    plan = content.pop("plan")
    pathways = {name: _tuples(Pathway, values) for name, values in plan.pop("pathways").items()}
    shapes = {name: tuple(shape) for name, shape in plan.pop("shapes").items()}
    sets = {name: frozenset(plan.pop(name)) for name in ("without_norm", "shifted")}
    plan["stream"] = StreamName(plan["stream"])
    if content.get(FLOW_SCALE) is not None:
        plan["bytes_per_unit"] = content[FLOW_SCALE] * FLOW_UNIT_PX
    whole = _tuples(Plan, plan | {"shapes": shapes, "pathways": pathways} | sets)
    return _tuples(Description, content | {"plan": whole})  # type: ignore[no-any-return]


def _tuples(kind: Any, values: dict[str, Any]) -> Any:
    """Build a dataclass whose sequences are tuples."""
    known = {each.name for each in fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known})
