"""Surveys: what a network predicts for the clips of a data set, and facts about the network as a whole.

Formulas: DESIGN's table of measures, and worker/evidence/. What a survey measures on single units is in evidence.py.
"""

from datetime import datetime

from pydantic import Field

from app.contract.coding import NetworkCoding
from app.contract.dataset import Clip
from app.contract.interaction import InteractionFacts
from app.contract.interval import Interval
from app.contract.invariance import InvarianceFacts
from app.contract.model import Model
from app.contract.necessity import Necessity
from app.contract.network import Slug
from app.contract.repairs import RepairFacts
from app.contract.result import ImportNote
from app.contract.survey_part import PartConstants, SurveyPart


class NewClipPrediction(Model):
    """What a network predicts for a clip, to be added to a survey; classes are given by index."""

    clip: str = Field(description="name within the data set")
    label: int = Field(alias="own", description="the class of its label")
    predicted: int = Field(alias="taken", description="the class of the largest logit")
    probability: float = Field(description="of the predicted class: softmax of the logits")
    label_probability: float = Field(alias="own_probability")


class StreamPair(Model):
    """How well each stream of a two-stream network separates two classes, given by index.

    Values are areas under the ROC curve; 0.5 is chance. For one stream alone, the other stream gets random clips.
    """

    classes: tuple[int, int]
    fused: float
    appearance: float = Field(alias="pictures")
    motion: float


class AppearanceBias(Model):
    """Whether appearance decides that clips of a class are recognised.

    Measured by swapping appearance and motion among its own clips, and by pasting the foreground of other classes'
    clips onto the background of its clips.
    """

    class_index: int
    missed_recall: float = Field(
        alias="mended", description="recall of missed clips' motion with the pictures of recognised clips"
    )
    recognised_recall: float = Field(
        alias="spoiled", description="recall of recognised clips' motion with the pictures of missed clips"
    )
    background_rate: float = Field(
        alias="pull", description="share of other classes' clips predicted as it before its background"
    )
    baseline_rate: float = Field(alias="base", description="the same before their own background")


class MaskedClass(Model):
    """The mean probability of a class over its recognised clips, with parts of their frames grey.

    Formulas: worker/evidence/masking.py.
    """

    class_index: int
    clips: int
    unmasked: float = Field(alias="whole", description="the clips as they are")
    foreground: float = Field(alias="movers", description="with everything grey but what moves")
    background: float = Field(alias="place", description="with what moves grey")


class StreamShares(Model):
    """How much each stream of a two-stream network explains, measured by swapping the streams of clips.

    Shares of the variance of the logits, and of the predictions that stay the same. Needs no labels.
    Formulas: worker/evidence/variance.py.
    """

    appearance: float = Field(
        alias="pictures", description="of the variance: what stays with the motion of another clip"
    )
    motion: float = Field(description="of the variance: what stays with the pictures of another clip")
    interaction: float = Field(alias="together", description="of the variance: what neither stream explains by itself")
    kept_by_appearance: float = Field(
        alias="kept_by_pictures", description="of the predictions: those that stay with the motion of another clip"
    )
    kept_by_motion: float = Field(description="of the predictions: those that stay with the pictures of another clip")


class StreamFacts(Model):
    """What each stream of a two-stream network contributes; accuracies over the clips that were changed."""

    clips: int
    fused: float
    appearance: float = Field(alias="pictures", description="accuracy with the motion of other clips")
    motion: float = Field(description="accuracy with the pictures of other clips")
    late_fusion: float = Field(
        alias="voting", description="accuracy of late fusion: the product of what each stream predicts"
    )
    shares: StreamShares | None = Field(default=None, description="None where all predictions are the same")
    pairs: tuple[StreamPair, ...]
    biases: tuple[AppearanceBias, ...]


class LayerSelectivity(Model):
    """How many units of a layer answer to few classes, beside chance and a network without training.

    Formulas: worker/evidence/selectivity.py.
    """

    layer: str
    live: int = Field(description="units that some clip made positive")
    below: int = Field(description="of these, units with fewer effective classes than a quarter of all")
    specific: int = Field(description="of these, units for which shuffled labels do not explain it")
    by_chance: float = Field(description="units below a quarter on average over shuffled labels")
    beyond_chance: Interval = Field(description="share of the live units that is below a quarter, less that by chance")
    chance: Interval | None = Field(
        default=None, description="share of the live units that is below a quarter under shuffled labels: mean and 95 %"
    )
    control: Interval | None = Field(
        default=None, description="beyond_chance of the network with its weights shuffled; null where not measured"
    )
    control_live: int | None = Field(default=None, description="live units of the control")
    difference: Interval | None = Field(default=None, description="from the control")
    p_value: float | None = Field(default=None, description="of a difference this large, one-sided")


class MeasuredPart(Model):
    """A part of a survey that was measured, and where its time went: the rest is neither clips nor whole passes."""

    part: SurveyPart
    seconds: float
    passes: int | None = Field(default=None, description="forward passes of clips that were planned")
    most_passes: int | None = Field(
        default=None, description="that it takes of any number of clips; null where they grow with the clips"
    )
    decode_seconds: float | None = Field(default=None, description="waiting for clips to be decoded")
    forward_seconds: float | None = Field(default=None, description="in forward passes of the whole network")
    constants: PartConstants | None = Field(
        default=None, description="numbers in the code that determined what it found; null where they were not recorded"
    )

    @property
    def rest_seconds(self) -> float | None:
        """What neither waited for clips nor ran the whole network."""
        if self.decode_seconds is None or self.forward_seconds is None:
            return None
        return max(0.0, self.seconds - self.decode_seconds - self.forward_seconds)


class OmittedPart(Model):
    """A part of a survey that was asked for and has no result, with the reason."""

    part: SurveyPart
    reason: str
    applies: bool = Field(description="false where there is nothing to measure in this network: trying again is no use")


class SurveyFacts(Model):
    """What passing a data set through a network shows of the network as a whole."""

    clips: int
    skipped: tuple[str, ...] = Field(description="clips that could not be read")
    accuracy: float | None = Field(description="null for a network without classes, whose lists by class are empty")
    recall: tuple[float, ...] = Field(description="share of the clips of each class that are predicted as it")
    confusion: tuple[tuple[int, ...], ...] = Field(
        description="number of clips of the row's class that are predicted as the column's"
    )
    seconds: float
    streams: StreamFacts | None = Field(default=None, description="of two-stream networks")
    masked: tuple[MaskedClass, ...] = Field(default=(), description="empty in surveys from before this was measured")
    selectivity: tuple[LayerSelectivity, ...] | None = Field(
        default=None,
        description="by layer; empty where the clips are too few, null in surveys from before this was measured",
    )
    repairs: RepairFacts | None = Field(default=None, description="which changes of clips repair or cause errors")
    coding: NetworkCoding | None = Field(
        default=None, description="what units code of appearance and motion; null where that was not measured"
    )
    invariance: InvarianceFacts | None = Field(
        default=None, description="null in surveys from before this was measured, and without the part"
    )
    interaction: InteractionFacts | None = Field(
        default=None, description="of two-stream networks; null in surveys from before this was measured"
    )
    parts: tuple[MeasuredPart, ...] = Field(default=(), description="empty in surveys from before this was noted")
    silence: Necessity | None = Field(
        default=None, description="what silencing units changes; null where it was not measured, or without classes"
    )
    omitted: tuple[OmittedPart, ...] = Field(default=(), description="parts that failed, or that mean nothing here")
    groups_known: bool | None = Field(
        default=None, description="whether it is known which clips are of one video, person or motion"
    )


class Survey(SurveyFacts):
    """A finished survey: what a network made of a data set."""

    id: int
    network: str
    dataset: str
    created_at: datetime
    imported: ImportNote | None = Field(default=None, description="null for a survey that was measured here")

    @property
    def missing_parts(self) -> tuple[SurveyPart, ...]:
        """The parts that can be added; none where it is not noted which the survey has."""
        known = {each.part for each in self.parts} | {each.part for each in self.omitted if not each.applies}
        return tuple(part for part in SurveyPart if part not in known) if self.parts else ()

    @property
    def summary(self) -> "SurveySummary":
        return SurveySummary(
            **{name: getattr(self, name) for name in SurveySummary.model_fields if name != "skipped"},
            skipped=len(self.skipped),
        )

    def __hash__(self) -> int:  # a database may use an id again after a survey is deleted
        return hash((self.id, self.created_at))


class SurveySummary(Model):
    """A survey in a listing."""

    id: int
    network: str
    dataset: str
    clips: int
    skipped: int
    accuracy: float | None = Field(description="null for a network without classes")
    seconds: float
    created_at: datetime
    imported: ImportNote | None = Field(default=None, description="null for a survey that was measured here")


class ClipPrediction(Model):
    """What a surveyed network predicts for a clip; classes are given by name."""

    network: Slug
    label: str = Field(alias="own", description="the class of its label")
    predicted: str = Field(alias="taken", description="the class of the largest logit")
    probability: float = Field(description="of the predicted class: softmax of the logits")
    label_probability: float = Field(alias="own_probability")

    @property
    def is_right(self) -> bool:
        return self.label == self.predicted


class PredictedClip(Model):
    """A clip, and what a network predicts for it."""

    clip: Clip
    answer: ClipPrediction
