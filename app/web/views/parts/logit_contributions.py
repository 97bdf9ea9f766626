"""The logits of an explained clip as sums of contributions of units, layer by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.contract.dataset import CLIP_FPS
from app.contract.explanation import ClassShares, Contribution, LayerShares, OwnClip
from app.contract.network import NetworkCard
from app.contract.result import MediaRole, Visualization
from app.contract.unit import UnitSummary
from app.store import Session
from app.store.catalog import search
from app.store.results import visualizations
from app.web import urls
from app.web.charts.line_chart import LineChart, line_chart
from app.web.views.parts.unit_names import unit_name

UnitKey = tuple[str, int]  # name of the layer, index of the unit


@dataclass(frozen=True)
class UnitContribution:
    """What a unit contributes to a logit.

    `seconds` is the time of its largest activation; None where its layer sees the whole clip at once. `bar` is the
    contribution as a length from -1 to 1; the largest of the layer has length 1.
    """

    unit: UnitSummary
    contribution: Contribution
    stimulus: Visualization | None
    activation_chart: LineChart | None
    seconds: float | None
    bar: float

    @property
    def name(self) -> str:
        return unit_name(self.unit)


@dataclass(frozen=True)
class LayerContributions:
    """What the units of a layer contribute: logit = sum over `units` + `other_units` + `remainder`."""

    layer: str
    units: tuple[UnitContribution, ...]
    other_units: float
    remainder: float
    has_positions: bool  # False where one position sees the whole picture
    has_times: bool  # False where one position sees the whole clip
    visualize_missing_href: str | None  # None where every unit has a stimulus

    @property
    def has_negative(self) -> bool:
        return any(each.bar < 0 for each in self.units)


@dataclass(frozen=True)
class LogitContributions:
    """The logit of a class, or with `against` the difference between the logits of two classes."""

    label: str
    against: str | None
    logit: float
    layers: tuple[LayerContributions, ...]


def logit_contributions(
    session: Session, card: NetworkCard, clip: OwnClip, logits: Sequence[ClassShares]
) -> list[LogitContributions]:
    """Return what units contribute to each of these logits. The units of all logits are read together."""
    names = [(unit.layer, unit.unit) for logit in logits for layer in logit.layers for unit in layer.units]
    units = {(unit.layer, unit.index): unit for unit in search.units_by_name(session, card=card, names=names)}
    stimuli = visualizations.newest_of_units(session, card=card, units=list(units.values()))
    return [
        LogitContributions(
            label=logit.label,
            against=logit.against,
            logit=logit.logit,
            layers=tuple(layer_contributions(card, clip, layer, units, stimuli) for layer in logit.layers),
        )
        for logit in logits
    ]


def layer_contributions(
    card: NetworkCard,
    clip: OwnClip,
    layer: LayerShares,
    units: Mapping[UnitKey, UnitSummary],
    stimuli: Mapping[UnitKey, Visualization],
) -> LayerContributions:
    shown_units = [units[each.layer, each.unit] for each in layer.units]
    missing = [unit_name(unit) for unit in shown_units if not unit.visualizations]
    map_size = card.layer(layer.layer).map
    video = clip.medium(MediaRole.VIDEO)
    clip_seconds = video.frames / CLIP_FPS if video else 0.0
    largest = max((abs(each.share) for each in layer.units), default=0.0) or 1.0
    return LayerContributions(
        layer=layer.layer,
        units=tuple(
            UnitContribution(
                unit=unit,
                contribution=each,
                stimulus=stimuli.get((each.layer, each.unit)),
                activation_chart=line_chart(each.trace),
                seconds=each.time * clip_seconds if has_time(each) else None,
                bar=each.share / largest,
            )
            for unit, each in zip(shown_units, layer.units, strict=True)
        ),
        other_units=layer.others,
        remainder=layer.rest,
        has_positions=map_size.height * map_size.width > 1,
        has_times=any(map(has_time, layer.units)),
        visualize_missing_href=urls.selection(card.slug, units=missing) if missing else None,
    )


def has_time(contribution: Contribution) -> bool:
    return len(contribution.trace) > 1
