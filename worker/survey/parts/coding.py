"""Whether units code what is static in clips, what is dynamic, both, or neither, beside the control."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from app.contract.coding import LayerCoding, NetworkCoding, PairKind
from app.contract.errors import NotFinite
from app.contract.network import Layer, StreamName
from app.contract.survey_part import SurveyPart
from worker.evidence.clip_partners import Partner, missing_partners
from worker.evidence.coding import (
    LIVE_DEVIATION,
    MAX_EXCHANGES,
    MAX_PRODUCTS,
    MIN_DIFFERENCE,
    MIN_EXCHANGES,
    MIN_GROUPS,
    PUBLISHED_THRESHOLD,
    RESAMPLES,
    Draws,
)
from worker.evidence.layer_coding import MeasuredCoding, Sums, measure_coding, summarize
from worker.evidence.looks import MAX_TURN, MIN_TURN, TEXTURE_CELLS, TEXTURE_SHARE
from worker.evidence.partner_responses import (
    ReadPeaks,
    record_partners,
    record_peaks,
    response_reader,
    spread_groups,
    table_columns,
)
from worker.evidence.types import Floats, Labels, Observe
from worker.networks.network import Network
from worker.survey.clip_pairs import BASE, ClipSet, find_sets
from worker.survey.context import SurveyContext, without_control
from worker.survey.parts.part import BUDGET, CONTROL, DISCOVERIES, Part, PartResult

MAX_PASSES = 640  # of partners through each of the networks: correlations of 160 clips are known to 0.08
CONTROLS = 5  # networks with weights shuffled apart: their shares of joint units differ by up to 0.4
MIN_CLIPS = 24  # whatever they cost: with 12 no effect on 5,808 units of I3D was significant
BUDGETS = 2  # of a part, because of the controls: fewer clips would tell little
EXAMPLES = 9  # clips that the findings name
FOLDER = "coding"  # in the checkpoint's: what the partners of clips give


ReadRows = Callable[[str, Labels], Floats]  # of a layer, by name: the peaks (n, U) on unchanged clips, by row


class _Pairs(NamedTuple):
    """The clips that are compared, as rows of the recorded ones, and a way to read the responses to their partners."""

    kind: PairKind
    rows: Labels  # (n,)
    unchanged: Labels  # all rows whose unchanged clips are needed, ascending
    groups: Labels  # (n,) numbered from 0
    partners: Callable[[Network, ReadRows, str], Mapping[Partner, ReadPeaks]]  # by network; its peaks; a folder


def measure_unit_coding(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure what units code, on the pairs that the data set gives, or on pairs made of its clips."""
    progress = _Progress(observe, _count_passes(context))
    pairs = _given_pairs(context) or _made_pairs(context, progress)
    if isinstance(pairs, str):
        return PartResult(NetworkCoding(pairs=None, clips=0, groups=0, seed=context.seed, reason=pairs))
    draws = Draws.of(pairs.groups, sum(layer.units for layer in context.card.layers), context.seed)

    def measure(network: Network, unchanged: ReadRows, name: str) -> MeasuredCoding:
        partners = pairs.partners(network, unchanged, name)
        read = response_reader(lambda layer: unchanged(layer, pairs.rows), partners, swapped=pairs.kind != "restyled")
        return measure_coding(context.card.layers, read, draws)

    def measure_control(seed: int) -> Mapping[str, Sums]:
        control, name = context.shuffle_weights(seed), f"control-{seed}"
        return measure(control, _record_rows(context, control, pairs.unchanged, name, progress), name).sums

    trained = measure(context.network, lambda layer, rows: np.asarray(context.checkpoint.peaks(layer))[rows], "trained")
    controls = [measure_control(seed) for seed in range(CONTROLS)]
    layers, hidden = _summarize(context.card.layers, trained.sums, controls, pairs.kind)
    facts = NetworkCoding(
        pairs=pairs.kind,
        clips=len(pairs.rows),
        groups=int(pairs.groups.max()) + 1,
        seed=context.seed,
        controls=CONTROLS,
        layers=layers,
        hidden=hidden,
        examples=tuple(context.samples[context.recorded[row]].name for row in pairs.rows[:EXAMPLES]),
    )
    kind = {"pair_kind": pairs.kind}
    return PartResult(facts, {unit: {"coding": each.model_copy(update=kind)} for unit, each in trained.units.items()})


def _record_rows(context: SurveyContext, control: Network, rows: Labels, name: str, progress: "_Progress") -> ReadRows:
    """Show a control the unchanged clips of these rows (ascending), and return how to read what it gives."""
    path = context.checkpoint.folder / FOLDER / f"{name}.npy"
    try:
        table = record_peaks(control, context.read_clips, context.recorded[rows].tolist(), path, progress.add)
    except NotFinite as error:
        raise without_control(error) from None
    columns = table_columns(context.card)
    return lambda layer, wanted: np.asarray(table[np.searchsorted(rows, wanted), columns[layer]])


def _summarize(
    layers: Sequence[Layer], trained: Mapping[str, Sums], controls: Sequence[Mapping[str, Sums]], kind: str
) -> tuple[tuple[LayerCoding, ...], LayerCoding | None]:
    """Return every layer's shares, and those of the hidden layers together that pairs of this kind can tell of."""
    by_layer: list[LayerCoding] = []
    total, control_totals = Sums(), [Sums() for _ in controls]
    for layer in layers:
        by_architecture = kind != "exact" and layer.stream in (StreamName.APPEARANCE, StreamName.MOTION)
        sums, control_sums = trained[layer.name], [control[layer.name] for control in controls]
        is_counted = not (by_architecture or layer.is_class or layer.dictionary)
        summary = summarize(layer.name, sums, control_sums, by_architecture=by_architecture)
        by_layer.append(summary.model_copy(update={"is_counted": is_counted}))
        if is_counted:
            total.add(sums)
            for control_total, each in zip(control_totals, control_sums, strict=True):
                control_total.add(each)
    if not total.units:
        return tuple(by_layer), None
    return tuple(by_layer), summarize("", total, control_totals, by_architecture=False)


def _given_pairs(context: SurveyContext) -> _Pairs | None:
    """Return the pairs that the names of the clips tell, None where there are too few."""
    sets = _find_sets(context)
    if len(sets) < MIN_GROUPS:
        return None
    rows = {role: np.array([clips[role] for clips in sets]) for role in (BASE, *Partner) if role in sets[0]}

    def partners(network: Network, unchanged: ReadRows, name: str) -> dict[Partner, ReadPeaks]:
        def read(partner: Partner) -> ReadPeaks:
            return lambda layer: unchanged(layer, rows[partner])

        return {partner: read(partner) for partner in (Partner.STATIC, Partner.DYNAMIC, Partner.NEITHER)}

    return _Pairs("exact", rows[BASE], np.unique(np.concatenate(list(rows.values()))), np.arange(len(sets)), partners)


def _made_pairs(context: SurveyContext, progress: "_Progress") -> _Pairs | str:
    """Return pairs that are made of the clips, or why there are none."""
    if reason := missing_partners(context.card):
        return reason
    groups = context.clips.groups
    if (count := len(np.unique(groups))) < MIN_GROUPS:
        return (
            f"The data set has {count} clips or groups of clips that are independent, and correlations over pairs need "
            f"{MIN_GROUPS}: add clips of other videos, and survey the network again."
        )
    rows = spread_groups(list(range(len(groups))), groups, _count_clips(context), context.seed)
    order = context.recorded[rows].tolist()
    columns = table_columns(context.card)

    def partners(network: Network, unchanged: ReadRows, name: str) -> dict[Partner, ReadPeaks]:
        folder = context.checkpoint.folder / FOLDER / name
        tables = record_partners(network, context.read_clips, order, folder, context.seed, progress.add)

        def read(partner: Partner) -> ReadPeaks:
            return lambda layer: tables[partner][:, columns[layer]]

        return {partner: read(partner) for partner in tables}

    numbers = np.unique(groups[rows], return_inverse=True)[1]
    kind: PairKind = "restyled" if _has_frames(context) else "swapped"
    return _Pairs(kind, np.array(rows), np.unique(rows), numbers, partners)


class _Progress:
    """Report the passes of all networks together."""

    def __init__(self, observe: Observe, total: int) -> None:
        self.observe, self.total, self.done = observe, total, 0

    def add(self, passes: int) -> None:
        """Report that so many more passes are done."""
        self.done += passes
        self.observe(min(self.done, self.total), self.total)


def _find_sets(context: SurveyContext) -> list[ClipSet]:
    return find_sets([context.samples[number].name for number in context.recorded])


def _has_frames(context: SurveyContext) -> bool:
    return any(stream.name is StreamName.CLIP for stream in context.card.streams)


def _partners_per_clip(context: SurveyContext) -> int:
    return len(Partner) if _has_frames(context) else len(Partner) - 1


def _passes_per_clip(context: SurveyContext) -> int:
    """Return the passes of a clip's partners through all networks, and of the clip itself through the controls."""
    return (1 + CONTROLS) * _partners_per_clip(context) + CONTROLS


def _count_clips(context: SurveyContext) -> int:
    return min(len(context.recorded), _most_clips(context))


def _most_clips(context: SurveyContext) -> int:
    affordable = max(MIN_CLIPS, BUDGETS * context.pass_budget // _passes_per_clip(context))
    return min(MAX_PASSES // _partners_per_clip(context), affordable)


def _count_passes(context: SurveyContext) -> int:
    sets = _find_sets(context)
    if len(sets) >= MIN_GROUPS:
        return CONTROLS * len({row for clips in sets for row in clips.values()})
    if missing_partners(context.card):
        return 0
    return _count_clips(context) * _passes_per_clip(context)


def _most_passes(context: SurveyContext) -> int | None:
    """Return the most passes of pairs made of the clips; those that the data set gives are all compared."""
    if len(_find_sets(context)) >= MIN_GROUPS:
        return None
    return _most_clips(context) * _passes_per_clip(context)


CODING = Part(
    SurveyPart.CODING,
    "compares clips that look alike, and clips that move alike",
    measure_unit_coding,
    _count_passes,
    applies=lambda context: bool(context.probed_layers),
    most_passes=_most_passes,
    unit_fields=("coding",),
    constants={
        **BUDGET,
        **DISCOVERIES,
        **CONTROL,
        "min_difference": MIN_DIFFERENCE,
        "published_threshold": PUBLISHED_THRESHOLD,
        "min_groups": MIN_GROUPS,
        "min_exchanges": MIN_EXCHANGES,
        "max_exchanges": MAX_EXCHANGES,
        "clips_x_units_x_exchanges": MAX_PRODUCTS,
        "resamples": RESAMPLES,
        "live_deviation": LIVE_DEVIATION,
        "max_passes": MAX_PASSES,
        "controls": CONTROLS,
        "budgets": BUDGETS,
        "min_clips": MIN_CLIPS,
        "hue_turns": (MIN_TURN, MAX_TURN),
        "texture_cells": TEXTURE_CELLS,
        "texture_share": TEXTURE_SHARE,
    },
)
