"""What repairs the errors of two confused classes, and what causes them, as their page shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.analysis.repairs import CHANGES, effect_on, find_effect, name_patch, patch_verdict, repairs_of
from app.contract.dataset import Clip
from app.contract.network import NetworkCard
from app.contract.repairs import BeforeAfter, Change, ClassRepairs, Effect, EffectOnClass, Outcome, RepairFacts
from app.contract.result import MediaRef, MediaRole
from app.contract.survey import Survey
from app.contract.unit import UnitSummary
from app.store import Session, datasets
from app.store.catalog import search

PICTURE = 100.0  # side of the drawn pictures in their own units


@dataclass(frozen=True)
class ChangeRow:
    """One change and outcome: of the pair's clips, and of all clips that were changed."""

    words: str
    pair: EffectOnClass | None
    effect: Effect


@dataclass(frozen=True)
class Rectangle:
    """A row of neighbouring blocks, in units of the drawn picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChangedPicture:
    """A clip as it is and changed: both pictures, and the blocks that the partner gave; `x` to `height` place them.

    A picture is larger than what the network sees of it, which is the square from 0 to PICTURE.
    """

    number: int  # on the page
    words: str
    clip: Clip
    partner: Clip
    picture: MediaRef
    partner_picture: MediaRef
    blocks: tuple[Rectangle, ...]
    motion_changed: bool
    place: Rectangle
    example: BeforeAfter
    before: str  # class
    after: str


@dataclass(frozen=True)
class ShownUnit:
    """A unit that falls when the patch is replaced."""

    unit: UnitSummary
    fall: float
    sham_fall: float


@dataclass(frozen=True)
class RepairsPanel:
    """What was measured of the clips of one class that are taken for another."""

    actual: str
    predicted: str
    patch: str | None  # in words
    verdict: str
    repaired: tuple[ChangeRow, ...]
    caused: tuple[ChangeRow, ...]
    pictures: tuple[ChangedPicture, ...]
    units: tuple[ShownUnit, ...]
    under_mover: float | None


def repairs_panel(
    session: Session, *, card: NetworkCard, survey: Survey, actual: int, predicted: int, first_number: int = 0
) -> RepairsPanel | None:
    """Return what repairs or causes the errors of one class that are taken for another; None where it was not studied.

    Pictures are numbered from `first_number` on.
    """
    facts, repairs = survey.repairs, repairs_of(survey.repairs, predicted)
    if facts is None or repairs is None or not survey.confusion[actual][predicted]:
        return None
    shown = [each for each in repairs.examples if each.actual == actual]
    names = sorted({name for each in shown for name in (each.clip, each.partner)})
    clips = datasets.clips_by_name(session, slug=survey.dataset, names=names)
    pictures = _pictures(card, facts, shown, clips, first_number)
    units = search.units_by_name(session, card=card, names=[(each.layer, each.unit) for each in repairs.units])
    return RepairsPanel(
        actual=card.classes[actual],
        predicted=card.classes[predicted],
        patch=name_patch(repairs) if repairs.patch else None,
        verdict=patch_verdict(repairs, facts.asked).value,
        repaired=tuple(_rows(repairs, Outcome.REPAIRED, actual)),
        caused=tuple(_rows(repairs, Outcome.CAUSED, actual)),
        pictures=tuple(pictures),
        units=tuple(
            ShownUnit(unit, each.fall, each.sham_fall) for unit, each in zip(units, repairs.units, strict=True)
        ),
        under_mover=repairs.patch.under_mover if repairs.patch else None,
    )


def _rows(repairs: ClassRepairs, outcome: Outcome, actual: int) -> Iterator[ChangeRow]:
    for change, words in CHANGES.items():
        effect = find_effect(repairs, change, outcome)
        if effect is not None:
            yield ChangeRow(words, effect_on(effect, actual), effect)


def _pictures(
    card: NetworkCard, facts: RepairFacts, shown: list[BeforeAfter], clips: Mapping[str, Clip], first: int
) -> Iterator[ChangedPicture]:
    down, across = facts.visible
    place = Rectangle(
        x=PICTURE * (1 - 1 / across) / 2,
        y=PICTURE * (1 - 1 / down) / 2,
        width=PICTURE / across,
        height=PICTURE / down,
    )
    for number, each in enumerate(shown, first):
        clip, partner = clips.get(each.clip), clips.get(each.partner)
        picture = clip.medium(MediaRole.POSTER) if clip else None
        other = partner.medium(MediaRole.POSTER) if partner else None
        if clip is None or partner is None or picture is None or other is None:
            continue
        yield ChangedPicture(
            number=number,
            words="An error" if each.outcome is Outcome.REPAIRED else "A recognised clip",
            clip=clip,
            partner=partner,
            picture=picture,
            partner_picture=other,
            blocks=tuple(rectangles(each.blocks, facts.rows, facts.columns)),
            motion_changed=each.change is Change.MOTION,
            place=place,
            example=each,
            before=card.classes[each.predicted],
            after=card.classes[each.changed_predicted],
        )


def rectangles(blocks: tuple[int, ...], rows: int, columns: int) -> Iterator[Rectangle]:
    """Yield rectangles that cover the numbered blocks of a picture: one for each run of neighbours in a row."""
    width, height = PICTURE / columns, PICTURE / rows
    runs: list[list[int]] = []
    for block in sorted(blocks):
        if runs and block == runs[-1][-1] + 1 and block % columns:
            runs[-1].append(block)
        else:
            runs.append([block])
    for run in runs:
        row, column = divmod(run[0], columns)
        yield Rectangle(column * width, row * height, len(run) * width, height)
