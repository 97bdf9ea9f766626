"""What units and layers keep when the speed and the direction of motion change, and how abstract they are."""

from collections.abc import Iterator, Sequence

from app.contract.errors import VideoError
from app.contract.survey_part import SurveyPart
from worker.evidence.gratings import gratings
from worker.evidence.invariance import measure_invariance
from worker.evidence.invariance_plan import CONTROL_PASSES_PER_CLIP, Recorded, motion_layers, plan_invariance
from worker.evidence.motion_grid import RATES
from worker.evidence.playback import Playback, frames_at_rate, shows_motion
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult
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
        seed=context.seed,
        observe=observe,
    )
    return PartResult(facts, {unit: {"motion": tuning} for unit, tuning in units.items()})


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
    plan = plan_invariance(_trained(context), None, context.clips, layers)
    if not context.clips.can_be_resampled:
        return plan.passes
    compared = sum(len(changes) for changes in plan.trained.layers.values())
    return plan.passes + compared + CONTROL_PASSES_PER_CLIP * len(plan.trained.grid) + 2 * len(gratings(context.card))


INVARIANCE = Part(
    SurveyPart.INVARIANCE,
    "shows clips with motion of other sizes, speeds and directions",
    measure_motion,
    _count_passes,
    applies=lambda context: (
        bool(motion_layers(context.card, context.probed_layers))
        or bool(context.probed_layers and not shows_motion(context.card))
    ),
    unit_fields=("motion",),
)
