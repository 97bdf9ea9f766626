"""What units and layers keep when the speed and the direction of motion change, and how abstract they are."""

from collections.abc import Iterator, Sequence

from app.contract.errors import VideoError
from app.contract.survey_part import SurveyPart
from worker.devices import device_of
from worker.evidence.abstraction import MAX_CLIPS, MAX_RANKED, MAX_SHUFFLES, MIN_SHUFFLES
from worker.evidence.clip_choice import CLIPS_PER_CLASS
from worker.evidence.cross_speed import DECODED_SHUFFLES, FOLDS
from worker.evidence.gratings import CLIP_FREQUENCIES, CYCLES, FLOW_FREQUENCIES, FLOW_SPEEDS, gratings
from worker.evidence.gratings import SHUFFLES as DIRECTION_SHUFFLES
from worker.evidence.invariance import measure_invariance
from worker.evidence.invariance_plan import (
    CLIPS_PER_UNIT,
    CONTROL_CLIPS_PER_UNIT,
    MAX_GRID_CLIPS,
    MAX_LAYER_CLIPS,
    MAX_PEAKS,
    Recorded,
    motion_layers,
    plan_invariance,
)
from worker.evidence.layer_sharing import DRAWS, MIN_CLASSES, SHUFFLES
from worker.evidence.motion_grid import GAINS, RATES, SPEEDS, TURNS, gain_changes, grid_changes, layer_changes
from worker.evidence.motion_tuning import MAX_CLIPPED, MIN_GAINS, MIN_MOTION_SHARE, MIN_RESPONSE
from worker.evidence.playback import Playback, frames_at_rate, has_motion_stream, shows_motion
from worker.evidence.redrawn_slopes import CALIBRATION_CLIPS as MATCHED_CLIPS
from worker.evidence.redrawn_slopes import (
    MAX_VALUES,
    REDRAWN,
    count_calibration_clips,
    count_calibration_passes,
    count_redrawn,
    redraw_networks,
)
from worker.evidence.types import Observe
from worker.evidence.unit_motion import UNIT_DRAWS
from worker.graph.inputs import on_device
from worker.networks.network import Network
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, CONTROL, DISCOVERIES, INTERVALS, Part, PartResult
from worker.survey.prefetch import make_ahead


def measure_motion(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure invariance and abstraction; the control is left out where the clips allow no interval."""
    control = None
    if context.clips.can_be_resampled:
        control = Recorded(context.control, context.record_control(observe))
    facts, units = measure_invariance(
        _trained(context),
        control,
        context.clips,
        motion_layers(context.card, context.probed_layers),
        lambda numbers: _read_playbacks(context, numbers),
        [sample.name for sample in context.samples],
        redrawn=[] if control is None else _redraw(context),
        seed=context.seed,
        observe=observe,
        max_passes=context.pass_budget,
    )
    return PartResult(facts, {unit: {"motion": tuning} for unit, tuning in units.items()})


def _redraw(context: SurveyContext) -> list[Network]:
    """Return the control of the gain slope, none for a network that gains cannot be asked of."""
    if not has_motion_stream(context.card) or not motion_layers(context.card, context.probed_layers):
        return []
    count = count_calibration_clips(context.card)
    chosen = context.recorded[:: max(1, len(context.recorded) // count)][:count].tolist()
    device = device_of(context.network.module)
    return redraw_networks(context.network, (on_device(clip, device) for _, clip in context.read_clips(chosen)))


def _trained(context: SurveyContext) -> Recorded:
    return Recorded(context.network, context.checkpoint)


def _read_playbacks(context: SurveyContext, numbers: Sequence[int]) -> Iterator[tuple[int, Playback]]:
    """Yield clips by number, with as many frames as the fastest rate spans; raise VideoError for an unreadable one."""
    card = context.card
    count = frames_at_rate(card, max(RATES))

    def make(number: int) -> Playback | VideoError:
        try:
            return Playback(card, context.samples[number].read(count))
        except VideoError as error:
            return error

    for number, playback in make_ahead(make, numbers, context.recorder.clips.threads):
        if isinstance(playback, VideoError):
            raise playback
        yield number, playback


def _count_passes(context: SurveyContext) -> int:
    """Count the passes of the network, and as many of the control as its strongest clips will take at most."""
    layers = motion_layers(context.card, context.probed_layers)
    plan = plan_invariance(_trained(context), None, context.clips, layers, context.pass_budget)
    if not context.clips.can_be_resampled:
        return plan.passes
    compared = sum(len(changes) for changes in plan.trained.layers.values())
    redrawn = count_redrawn(context.network)
    gains = len(gain_changes(context.card)) * len(plan.trained.grid)
    matching = count_calibration_passes(context.network) if gains else 0
    return plan.passes + compared + (1 + redrawn) * gains + matching + 2 * len(gratings(context.card))


def _most_passes(context: SurveyContext) -> int:
    """Return the passes of the most clips that are changed, of both networks, and of the gratings."""
    card = context.card
    changed = 2 * MAX_LAYER_CLIPS * len(layer_changes(card)) + MAX_GRID_CLIPS * len(grid_changes(card))
    changed += (1 + REDRAWN) * MAX_GRID_CLIPS * len(gain_changes(card))
    matching = count_calibration_passes(context.network) if gain_changes(card) else 0
    return min(context.pass_budget, changed) + matching + 2 * len(gratings(card))


INVARIANCE = Part(
    SurveyPart.INVARIANCE,
    "shows clips with motion of other sizes, speeds and directions",
    measure_motion,
    _count_passes,
    applies=lambda context: (
        bool(motion_layers(context.card, context.probed_layers))
        or bool(context.probed_layers and not shows_motion(context.card))
    ),
    most_passes=_most_passes,
    unit_fields=("motion",),
    constants={
        **BUDGET,
        **INTERVALS,
        **DISCOVERIES,
        **CONTROL,
        "gains": GAINS,
        "rates": RATES,
        "speeds": SPEEDS,
        "turns": TURNS,
        "resamples": DRAWS,
        "resamples_of_a_unit": UNIT_DRAWS,
        "shuffles_of_labels": SHUFFLES,
        "shuffles_of_decoding": DECODED_SHUFFLES,
        "shuffles_of_directions": DIRECTION_SHUFFLES,
        "min_shuffles_of_precision": MIN_SHUFFLES,
        "max_shuffles_of_precision": MAX_SHUFFLES,
        "clips_x_units_x_shuffles": MAX_RANKED,
        "max_clips_of_precision": MAX_CLIPS,
        "folds": FOLDS,
        "min_drawn_classes": MIN_CLASSES,
        "max_clips_of_a_layer": MAX_LAYER_CLIPS,
        "max_clips_of_units": MAX_GRID_CLIPS,
        "clips_of_a_chosen_class": CLIPS_PER_CLASS,
        "max_peaks": MAX_PEAKS,
        "clips_of_a_unit": CLIPS_PER_UNIT,
        "clips_of_a_unit_of_the_control": CONTROL_CLIPS_PER_UNIT,
        "redrawn_controls": REDRAWN,
        "clips_that_match_thresholds": MATCHED_CLIPS,
        "values_that_match_thresholds": MAX_VALUES,
        "min_motion_share": MIN_MOTION_SHARE,
        "min_response": MIN_RESPONSE,
        "min_gains": MIN_GAINS,
        "max_clipped": MAX_CLIPPED,
        "grating_speeds": FLOW_SPEEDS,
        "grating_cycles": CYCLES,
        "grating_frequencies": FLOW_FREQUENCIES,
        "grating_frequencies_of_frames": CLIP_FREQUENCIES,
    },
)
