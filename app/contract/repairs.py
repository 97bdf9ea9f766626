"""Which changes of real clips repair errors of a network or cause them. Formulas: worker/evidence/repairs/."""

from enum import StrEnum

from pydantic import Field

from app.contract.interval import Interval
from app.contract.model import Model


class Change(StrEnum):
    """What of a clip is replaced by that of another real clip, its partner."""

    PATCH = "patch"  # the blocks of the suspected patch
    SURROUNDINGS = "surroundings"  # all of the picture but what moves
    APPEARANCE = "appearance"  # the whole picture; the motion stays
    MOTION = "motion"  # the motion; the picture stays


class Outcome(StrEnum):
    """What a change of clips is counted for."""

    REPAIRED = "repaired"  # errors, taken for the class, that are no longer taken for it
    CAUSED = "caused"  # recognised clips of the same classes that are taken for the class
    RECOVERED = "recovered"  # missed clips of the class itself that are taken for it


class EffectOnClass(Model):
    """The clips of one actual class among those of an effect: what the change did, and what the sham did."""

    actual: int = Field(description="class of the clips")
    clips: int
    changed: int = Field(description="versions of the clips whose outcome came about")
    versions: int = Field(description="changed versions that were made: one for each partner")
    right: int = Field(description="of the versions: those taken for their own class")
    sham_changed: int
    sham_versions: int


class Effect(Model):
    """What one change did to clips, beside a sham: the same change with a partner that should not matter.

    Errors get their part from recognised clips without the patch; the sham gets it from other errors. Recognised clips
    get it from errors; the sham from other recognised clips.
    """

    change: Change
    outcome: Outcome
    clips: int
    groups: int = Field(description="of clips that are independent")
    versions: int = Field(description="changed versions that were made: one for each partner")
    changed: int = Field(description="versions whose outcome came about")
    right: int = Field(description="of the versions: those taken for their own class")
    rate: Interval = Field(description="share of the versions whose outcome came about")
    sham: Interval
    difference: Interval = Field(description="from the sham")
    p_value: float = Field(description="of a difference this large, one-sided, by changes of sign of the groups")
    elsewhere: Interval | None = Field(
        default=None, description="the share after an equally large region elsewhere was replaced; of a patch"
    )
    by_class: tuple[EffectOnClass, ...] = ()


class SuspectedPatch(Model):
    """A region of the picture in which errors differ from recognised clips, and what is different."""

    what: str = Field(description="such as: red patch")
    where: str = Field(description="such as: low in the frame")
    feature: str = Field(description="the measure that differs most")
    more: bool = Field(description="whether errors have more of it")
    contrast: float = Field(description="the largest, in standard errors")
    p_value: float = Field(description="by permutation, for all blocks and measures together")
    rows: int = Field(description="of blocks in the picture")
    columns: int
    blocks: tuple[int, ...] = Field(description="numbers of the blocks, row by row")
    lab: tuple[float, float, float] = Field(description="colour of the blocks that mark it, in CIELAB")
    in_errors: float = Field(description="share of the errors that have it")
    in_right: float = Field(description="share of the recognised clips of the same classes that have it")
    agreement: float = Field(description="intersection over union of the regions found on either half of the clips")
    under_mover: float = Field(description="share of it where something moves, mean over the errors that were changed")
    occlusion: float | None = Field(
        default=None,
        description="share of the windows that lower the class most when replaced and that lie on the patch",
    )
    occlusion_by_chance: float | None = Field(default=None, description="share of all windows that lie on the patch")


class PatchUnit(Model):
    """A unit that falls when the patch is replaced, measured on the half of the errors that did not choose it."""

    layer: str
    unit: int
    fall: float = Field(description="of its peak, as a share of its largest activation, mean over errors")
    sham_fall: float = Field(description="the same where an equally large region elsewhere is replaced")


class BeforeAfter(Model):
    """A clip as it is and changed; the surest clip of its kind, whether or not the change did anything.

    Foregrounds follow what moves, pixel by pixel; of surroundings, `blocks` are those that are mostly replaced.
    """

    change: Change
    outcome: Outcome
    clip: str
    partner: str = Field(description="the clip that gave the part")
    actual: int
    predicted: int
    probability: float
    blocks: tuple[int, ...] = Field(description="numbers of the blocks of the picture that the partner gave")
    changed_predicted: int
    changed_probability: float


class ClassRepairs(Model):
    """Why clips are taken for one class: what repairs its errors, and what causes them in recognised clips."""

    predicted: int = Field(description="the class that the errors are taken for")
    errors: int = Field(description="in the survey")
    studied: int = Field(description="errors that were changed")
    clips: tuple[str, ...] = Field(description="names of the errors that were changed")
    patch: SuspectedPatch | None = None
    patch_searched: bool = Field(description="whether there were errors enough to look for a patch")
    effects: tuple[Effect, ...] = ()
    units: tuple[PatchUnit, ...] = ()
    examples: tuple[BeforeAfter, ...] = ()
    control_caused: Interval | None = Field(
        default=None, description="clips that become the class by the patch, in the network with shuffled weights"
    )


class RepairFacts(Model):
    """What repairs or causes the errors of a network. `classes` are those that attract most errors, at most a few."""

    accuracy: float
    accuracy_p: float = Field(description="of an accuracy this high where labels are shuffled")
    asked: int = Field(description="classes that were studied, by whose number p-values are corrected")
    left_out: int = Field(description="classes with errors enough that were left out to bound the passes")
    most_errors: int = Field(description="into one class")
    needed: int = Field(description="errors into one class that are needed to change clips")
    needed_for_patch: int = Field(description="errors into one class that are needed to look for a patch")
    classes: tuple[ClassRepairs, ...]
    rows: int = Field(description="of blocks in a picture")
    columns: int
    visible: tuple[float, float] = Field(description="share of a clip's height and width that the network sees")
    passes: int
    seed: int
