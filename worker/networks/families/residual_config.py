"""The config that stored weights of a residual network carry: its plan, its input and its labels, as JSON."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.residual import Pathway, Plan


@dataclass(frozen=True)
class Description:
    """All that is stored of a network beside its tensors."""

    title: str
    summary: str
    plan: Plan
    frames: int  # of its clip, or of flow
    height: int
    width: int
    short_side: int  # of a video before the crop
    labels: tuple[str, ...]
    bound: float = 1.0  # of a stimulus, see Stream

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
    whole = _tuples(Plan, plan | {"shapes": shapes, "pathways": pathways} | sets)
    return _tuples(Description, content | {"plan": whole})  # type: ignore[no-any-return]


def _tuples(kind: Any, values: dict[str, Any]) -> Any:
    """Build a dataclass whose sequences are tuples."""
    known = {each.name for each in fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known})
