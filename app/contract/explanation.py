"""Explanations of what a network predicts for a clip: its logits as sums of what each unit adds."""

from pydantic import Field

from app.contract.job import ExplainJob
from app.contract.model import Model
from app.contract.result import MediaRef, MediaRole


class Prediction(Model):
    """A class that a network may predict for a clip, with its logit and probability."""

    label: str
    logit: float
    probability: float


class Contribution(Model):
    """What a unit adds to a logit, or to the difference of two."""

    layer: str
    unit: int
    activation: float = Field(description="largest over positions")
    share: float = Field(description="part of the logit: gradient x activation, summed over positions")
    effect: float | None = Field(default=None, description="by how much the logit falls where the unit is silenced")
    x: float = Field(ge=0, le=1, description="centre of the peak, share of the width")
    y: float = Field(ge=0, le=1)
    time: float = Field(ge=0, le=1)
    trace: tuple[float, ...] = Field(description="largest activation over positions, by time")


class LayerShares(Model):
    """A logit as a sum over one layer: logit = sum of the units' shares + others + rest."""

    layer: str
    units: tuple[Contribution, ...] = Field(description="those of the largest shares, for and against")
    others: float = Field(description="shares of the layer's other units together")
    rest: float = Field(description="what no unit adds: the bias before the logit, and those of layers in between")


class ClassShares(Model):
    """A logit, or the difference of two (`label` less `against`), as a sum over each of several layers."""

    label: str
    against: str | None = None
    logit: float
    layers: tuple[LayerShares, ...]


class Explanation(Model):
    """Why a network predicts the class that it does for a clip, and not the one that a person expects."""

    network: str
    predictions: tuple[Prediction, ...] = Field(description="the most probable first")
    predicted: ClassShares
    expected: ClassShares | None = Field(default=None, description="of the class that a person named")
    contrasts: tuple[ClassShares, ...] = Field(
        default=(), description="predicted less the class a person named, and less each other prediction"
    )

    def against(self, label: str) -> ClassShares | None:
        """Return the predicted class less this one, None for a class that was not compared."""
        return next((contrast for contrast in self.contrasts if contrast.against == label), None)


class OwnClip(Model):
    """A clip that a person asks about. `media` and `explanation` are there once its job is done."""

    job: ExplainJob
    name: str = Field(description="of the file, or of the clip in its data set")
    expected: str | None = Field(description="the class that the person expected")
    media: tuple[MediaRef, ...] = ()
    explanation: Explanation | None = None

    @property
    def id(self) -> int:
        return self.job.id

    @property
    def label(self) -> str:
        """Return the name, which pages show where they name the class of other clips."""
        return self.name

    def medium(self, role: MediaRole) -> MediaRef | None:
        return next((medium for medium in self.media if medium.role is role), None)
