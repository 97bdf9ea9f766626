"""Data sets, their clips, and the evidence that a survey measures for every unit of a network.

Formulas: DESIGN's table of measures, and worker/evidence/.
"""

from datetime import datetime

from pydantic import Field

from app.contract.model import Model
from app.contract.network import Slug
from app.contract.result import MediaRef, MediaRole, RenderedMedia
from app.contract.unit import GENERIC_ABOVE as GENERIC_ABOVE
from app.contract.unit import SPECIFIC_BELOW as SPECIFIC_BELOW
from app.contract.unit import UnitRole as UnitRole
from app.contract.unit import UnitSummary

TOP_CLIPS_PER_UNIT = 9  # kept for every unit
TOP_CLASSES_PER_UNIT = 8  # the classes of a unit that can be searched by
CLASS_ATTRIBUTIONS_PER_UNIT = 8  # classes kept that a unit feeds
CLIP_FPS = 25  # frames per second of every stored clip


class Dataset(Model):
    """A named set of labelled clips. `classes` are those of its labels, in the set's own order."""

    slug: Slug
    title: str
    summary: str = ""
    classes: tuple[str, ...]
    clips: int


class NewClip(Model):
    """A clip on its way into a data set."""

    name: str = Field(min_length=1, max_length=200)
    label: str = Field(min_length=1, max_length=200)
    media: tuple[RenderedMedia, ...]


class Clip(Model):
    """The middle of a video, 25 frames a second, 240 x 240: enough for any network to take its own inputs from.

    `name` tells it within its data set; `label` is as the data set spells it.
    """

    id: int
    dataset: str
    name: str
    label: str
    media: tuple[MediaRef, ...]

    def medium(self, role: MediaRole) -> MediaRef | None:
        return next((medium for medium in self.media if medium.role is role), None)


class TopClip(Model):
    """One of a unit's strongest clips, and where in it the peak was."""

    clip: str = Field(description="name within the data set")
    activation: float
    x: float = Field(ge=0, le=1, description="centre of the peak's receptive field, share of the width")
    y: float = Field(ge=0, le=1)
    time: float = Field(ge=0, le=1, description="share of the clip's length; 0.5 where the map has no time")
    trace: tuple[float, ...] = Field(description="largest activation over positions, by time")


class Synergy(Model):
    """(J - A - M + N) / (|J| + |A| + |M| + |N|): responses to both streams, either alone, neither."""

    stimulus: float | None = Field(default=None, description="for the unit's own stimulus")
    clips: float | None = Field(default=None, description="mean over its top clips")
    swap: float | None = Field(
        default=None,
        description="response to the appearance of one top clip with the motion of a clip of another class, as a "
        "share of the response to the clip itself",
    )


class SpeedTuning(Model):
    """Response to motion replayed at `factors` of its speed, as a share of the largest."""

    factors: tuple[float, ...]
    responses: tuple[float, ...]
    octaves: float = Field(description="width at half height: the invariance to speed")


class DirectionTuning(Model):
    """Response to the motion turned by `degrees`, as a share of the largest."""

    degrees: tuple[float, ...]
    responses: tuple[float, ...]
    selectivity: float = Field(description="|sum r e^(i theta)| / sum r")


class ClassAttribution(Model):
    """A class that a unit feeds: means over its strongest clips. Formulas: worker/evidence/class_attributions.py."""

    class_index: int
    weight: float | None = Field(description="of the last layer before the classes: from the unit to the logit")
    share: float = Field(description="what the unit adds to the logit: gradient x activation, over positions")
    effect: float = Field(description="by how much the logit falls where the unit is silenced")


class UnitEvidence(Model):
    """Everything that a survey measured for one unit; lists by class are in the order of the network's classes."""

    layer: str
    unit: int
    a_hat: float
    mean: float = Field(description="over clips, of the largest activation over positions")
    firing_rate: float = Field(description="share of the clips in which it is positive somewhere")
    effective_classes: float
    role: UnitRole
    responses: tuple[float, ...] = Field(description="r_c = mean over the clips of class c, of the maximum / a_hat")
    maxima: tuple[float, ...] = Field(description="largest activation over the clips of each class")
    precision: tuple[float, ...] = Field(description="average precision as a detector of each class")
    top_clips: tuple[TopClip, ...]
    synergy: Synergy | None = None
    speed: SpeedTuning | None = None
    direction: DirectionTuning | None = None
    class_attributions: tuple[ClassAttribution, ...] = Field(
        alias="feeds", default=(), description="the classes that it moves most, where that was measured"
    )
    correlated_units: tuple[tuple[int, float], ...] = Field(
        alias="alike",
        default=(),
        description="units of the layer whose responses over clips correlate most, with the correlation",
    )


class NewClipPrediction(Model):
    """What a network predicts for a clip, on its way into a survey; classes are given by index."""

    clip: str = Field(description="name within the data set")
    label: int = Field(alias="own", description="the class of its label")
    predicted: int = Field(alias="taken", description="the class of the largest logit")
    probability: float = Field(description="of the class that it is taken for: softmax of the logits")
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
        alias="pull", description="share of other classes' clips taken for it before its still surroundings"
    )
    baseline_rate: float = Field(alias="base", description="the same before their own surroundings")


class MaskedClass(Model):
    """The mean probability of a class over its recognised clips, with parts of their frames grey.

    Formulas: worker/evidence/masking.py.
    """

    class_index: int
    clips: int
    unmasked: float = Field(alias="whole", description="the clips as they are")
    foreground: float = Field(alias="movers", description="all grey but what moves")
    background: float = Field(alias="place", description="what moves grey: what stands still alone")


class StreamShares(Model):
    """How much each stream of a two-stream network explains, measured by swapping the streams of clips.

    Shares of the variance of the logits, and of the predictions that stay the same. Needs no labels.
    Formulas: worker/evidence/variance.py.
    """

    appearance: float = Field(
        alias="pictures", description="of the variance, what stays while the motion is another clip's"
    )
    motion: float = Field(description="what stays while the pictures are another clip's")
    interaction: float = Field(alias="together", description="what neither stream says by itself")
    kept_by_appearance: float = Field(
        alias="kept_by_pictures", description="of the answers, those that stay with the motion of another clip"
    )
    kept_by_motion: float = Field(description="those that stay with the pictures of another clip")


class StreamFacts(Model):
    """What each stream of a two-stream network contributes; accuracies over the clips that were changed."""

    clips: int
    fused: float
    appearance: float = Field(alias="pictures", description="accuracy with the motion of other clips")
    motion: float = Field(description="accuracy with the pictures of other clips")
    late_fusion: float = Field(alias="voting", description="accuracy of the two answers multiplied: late fusion")
    shares: StreamShares | None = Field(default=None, description="None where all answers are the same")
    pairs: tuple[StreamPair, ...]
    biases: tuple[AppearanceBias, ...]


class SurveyFacts(Model):
    """What a pass of a data set through a network says of the network as a whole."""

    clips: int
    skipped: tuple[str, ...] = Field(description="clips that could not be read")
    accuracy: float
    recall: tuple[float, ...] = Field(description="share of the clips of each class that are taken for it")
    confusion: tuple[tuple[int, ...], ...] = Field(description="clips of the row's class taken for the column's")
    seconds: float
    streams: StreamFacts | None = Field(default=None, description="of a network of two streams")
    masked: tuple[MaskedClass, ...] = Field(default=(), description="none of a survey from before it was measured")


class Survey(SurveyFacts):
    """A finished pass. Visible only when whole."""

    id: int
    network: str
    dataset: str
    created_at: datetime

    @property
    def summary(self) -> "SurveySummary":
        return SurveySummary(
            **{name: getattr(self, name) for name in SurveySummary.model_fields if name != "skipped"},
            skipped=len(self.skipped),
        )

    def __hash__(self) -> int:
        return hash((self.id, self.created_at))


class SurveySummary(Model):
    """A survey in a listing."""

    id: int
    network: str
    dataset: str
    clips: int
    skipped: int
    accuracy: float
    seconds: float
    created_at: datetime


class ClipPrediction(Model):
    """What a surveyed network predicts for a clip; classes are given by name."""

    network: Slug
    label: str = Field(alias="own", description="the class of its label")
    predicted: str = Field(alias="taken", description="the class of the largest logit")
    probability: float = Field(description="of the class that it is taken for: softmax of the logits")
    label_probability: float = Field(alias="own_probability")

    @property
    def is_right(self) -> bool:
        return self.label == self.predicted


class PredictedClip(Model):
    clip: Clip
    answer: ClipPrediction


class UnitOfClass(Model):
    """A unit as a detector of a class."""

    unit: UnitSummary
    precision: float
    response: float


class UnitOfClip(Model):
    """A unit that a clip excites as one of few."""

    unit: UnitSummary
    rank: int = Field(description="0: no clip excites it more")
    activation: float
