"""What people named: the report under filters, and the answers as rows for programs and spreadsheets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator

from app.analysis.naming.rates import first_exposures, make_report
from app.contract.model import Model
from app.contract.naming import AnswerMode, NamingRecord, NamingReport, NamingSession, Shown
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe
from app.store import Session
from app.store.catalog import networks
from app.store.naming.records import read_records
from app.store.results.recipes import read_recipes


def _empty_is_none(value: object) -> object:
    """Return None for an empty text: a form sends the fields that nobody filled in as well."""
    return value or None


@dataclass(frozen=True)
class ReportFilters:
    """Which answers a report counts. The fields are query parameters; empty ones are no filters."""

    network: Annotated[str, Query(max_length=63)] = ""
    shown: Annotated[Shown | None, Query(), BeforeValidator(_empty_is_none)] = None
    answers: Annotated[AnswerMode | None, Query(), BeforeValidator(_empty_is_none)] = None
    naive: bool = False  # those alone who have never seen the class pages

    def accepts(self, record: NamingRecord) -> bool:
        return (
            self.shown in (None, record.shown)
            and self.answers in (None, record.answers)
            and (record.naive or not self.naive)
        )

    @property
    def query_params(self) -> dict[str, str | int | None]:
        return {
            "network": self.network or None,
            "shown": self.shown and self.shown.value,
            "answers": self.answers and self.answers.value,
            "naive": int(self.naive) or None,
        }


class AnswerRow(Model):
    """An answer as the exports have it. People are numbered by their first exposure."""

    person: int
    session: str
    network: str
    trial: int
    answered_at: datetime
    class_name: str
    is_control: bool
    shown: Shown
    answers: AnswerMode
    naive: bool
    feedback: bool
    recipe_key: str
    speed: str
    seed: int
    trial_seed: int
    taken_for: str
    words: str
    is_right: bool | None
    counts: bool
    seconds: float | None


@dataclass(frozen=True)
class NamingData:
    """The exposures that pass the filters, with what their rows and rates need."""

    records: Sequence[NamingRecord]
    first: set[tuple[str, int]]
    people: dict[str, int]
    cards: dict[str, NetworkCard]
    recipes: dict[str, ResolvedRecipe]

    def report(self) -> NamingReport:
        return make_report(self.records, self.first, self.cards, self.recipes)

    def rows(self) -> list[AnswerRow]:
        return [self._row(each) for each in self.records if each.is_answered and each.has_ended]

    def _row(self, record: NamingRecord) -> AnswerRow:
        assert record.answered_at is not None
        card, recipe = self.cards[record.network], self.recipes[record.recipe_key]
        same = {name: getattr(record, name) for name in AnswerRow.model_fields if hasattr(record, name)}
        return AnswerRow.model_validate(
            {
                **same,
                "person": self.people[record.owner],
                "trial": record.number,
                "class_name": card.classes[record.class_index],
                "speed": recipe.speed.value,
                "seed": record.recipe_seed,
                "trial_seed": record.seed,
                "taken_for": "" if record.answer is None else card.classes[record.answer],
                "words": record.words or "",
                "counts": record.is_right is not None and (record.session, record.number) in self.first,
            }
        )


def load_naming(session: Session, filters: ReportFilters) -> NamingData:
    """Return the exposures that pass the filters. Raises UnknownNetwork.

    Which exposures are first, and the numbers of people, go by all exposures, whatever the filters.
    """
    if filters.network:
        networks.get_card(session, slug=filters.network)
    everything = read_records(session)
    records = [each for each in everything if filters.network in ("", each.network) and filters.accepts(each)]
    slugs = {each.network for each in records}
    return NamingData(
        records=records,
        first=first_exposures(everything),
        people=_number_people(everything),
        cards={slug: networks.get_card(session, slug=slug) for slug in slugs},
        recipes=read_recipes(session, {each.recipe_key for each in records}),
    )


def load_session(session: Session, naming: NamingSession) -> NamingData:
    """Return the exposures of one session, of which those are first that the person had not been shown before."""
    everything = read_records(session, owner=naming.owner)
    records = [each for each in everything if each.session == naming.id]
    return NamingData(
        records=records,
        first=first_exposures(everything),
        people=_number_people(records),
        cards={naming.network: networks.get_card(session, slug=naming.network)},
        recipes=read_recipes(session, {each.recipe_key for each in records}),
    )


def _number_people(records: Iterable[NamingRecord]) -> dict[str, int]:
    owners = dict.fromkeys(each.owner for each in records)
    return {owner: number for number, owner in enumerate(owners, start=1)}
