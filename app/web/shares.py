"""What the page of an explained clip shows of a logit: the units it comes from, layer by layer."""

from dataclasses import dataclass

from app.contract.explanation import Contribution
from app.contract.result import Visualization
from app.contract.unit import UnitSummary
from app.web.charts.line_chart import Chart


@dataclass(frozen=True)
class ShareOfUnit:
    """`seconds`: when it fired, None where its layer sees the whole clip at once. `bar` is its share as a length,
    from -1 to 1, the largest of its layer being 1.
    """

    unit: UnitSummary
    found: Contribution
    stimulus: Visualization | None
    trace: Chart | None
    seconds: float | None
    bar: float

    @property
    def name(self) -> str:
        return f"{self.unit.layer}/{self.unit.index}"


@dataclass(frozen=True)
class SharesOfLayer:
    """The units' shares + others + rest = the logit. `unseen`: where those without a stimulus can be visualized."""

    layer: str
    units: tuple[ShareOfUnit, ...]
    others: float
    rest: float
    has_places: bool  # or one position sees the whole picture
    has_moments: bool  # or the whole clip
    unseen: str | None

    @property
    def takes_away(self) -> bool:
        return any(each.bar < 0 for each in self.units)


@dataclass(frozen=True)
class SharesOfLogit:
    """Of a class, or with `against` of the difference between two."""

    label: str
    against: str | None
    logit: float
    layers: tuple[SharesOfLayer, ...]
