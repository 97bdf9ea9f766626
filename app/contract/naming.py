"""Naming by people: sessions of blind trials, and the guesses at them. The protocol: docs/naming.md."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from app.contract.interval import Interval
from app.contract.model import Model
from app.contract.network import NetworkCard, StreamName
from app.contract.recipe import Speed

MAX_TRIALS = 500  # of a session
MAX_GUESS_LENGTH = 200  # characters of a free answer
MAX_SEEDS = 100  # that a session names


class Shown(StrEnum):
    """What of a stimulus a person sees. A stimulus of one stream, such as a clip, is always shown whole."""

    ALL = "all"  # picture, flow, and the picture carried along the flow
    BOTH = "both"  # picture and flow
    PICTURE = "picture"
    FLOW = "flow"


def possible_shown(card: NetworkCard) -> tuple[Shown, ...]:
    """Return what of a network's stimuli can be shown."""
    streams = {stream.name for stream in card.streams}
    return tuple(Shown) if {StreamName.APPEARANCE, StreamName.MOTION} <= streams else (Shown.ALL,)


class AnswerMode(StrEnum):
    LIST = "list"  # a class chosen from all classes, shuffled in each trial
    FREE = "free"  # words, matched with names of classes or judged by the person at the end


class SessionState(StrEnum):
    OPEN = "open"
    DONE = "done"
    ABANDONED = "abandoned"


def parse_seeds(value: Any) -> Any:
    """Return the seeds that a text such as `0-3, 7` lists, None where it is empty; other values are returned as is."""
    if not isinstance(value, str):
        return value
    seeds: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", value.strip())):
        ends = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part, re.ASCII)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, -1)
        if not first <= last < first + MAX_SEEDS:
            raise ValueError(f"write seeds as 0-3, 7, at most {MAX_SEEDS} of them")
        seeds.update(range(first, last + 1))
    return tuple(sorted(seeds)) or None


Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)]


class NamingRequest(Model):
    """Body of POST /api/naming/sessions: which stimuli of a network are shown, and how they are answered."""

    network: str = Field(min_length=1, max_length=63)
    naive: bool = Field(
        description="whether the person has never seen the class pages of this network: asked and kept, because a "
        "person who has seen them remembers"
    )
    recipe: Literal["default", "any"] = Field(
        default="default", description="results of the network's default recipe alone, or of any"
    )
    speed: Speed | None = Field(default=None, description="results of this speed alone; null for any")
    seeds: Annotated[Seeds | None, BeforeValidator(parse_seeds)] = Field(
        default=None, description="results of these seeds alone, as a list or as `0-3, 7`; null for any"
    )
    shown: Shown = Field(
        default=Shown.ALL, description="all; both, without the picture carried along the flow; or one of them alone"
    )
    answers: AnswerMode = Field(default=AnswerMode.LIST, description="a class from the list, or free words")
    trials: int = Field(
        default=40, ge=1, le=MAX_TRIALS, description="controls included; fewer where fewer results are stored"
    )
    controls: float = Field(
        default=0.2, ge=0, le=0.5, description="share of the trials that show noise with the spectrum of a stimulus"
    )
    feedback: bool = Field(default=False, description="whether each answer is told to be right or wrong at once")


class PlannedTrial(Model):
    """A stimulus to show, or the noise that is made from it. `seed` orders the list of classes and draws the noise."""

    visualization: int | None = Field(description="id of the result; null once it is removed")
    class_index: int
    recipe_key: str
    recipe_seed: int
    is_control: bool
    seed: int

    @property
    def result_key(self) -> tuple[int, str]:
        """What tells the results of one network's classes apart: an id may be used again."""
        return self.class_index, self.recipe_key


class NamingSession(Model):
    """A person's session: what was asked for, and how far it is. `owner` is who may answer."""

    id: str
    network: str
    owner: str = Field(exclude=True, repr=False)
    request: NamingRequest
    seed: int = Field(exclude=True, repr=False)  # with it and the results one could plan the same trials
    trials: int
    answered: int
    state: SessionState
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state is SessionState.OPEN


class Guess(Model):
    """Body of POST /api/naming/sessions/{session}/answers: a class, words, or neither: "I cannot name it"."""

    trial: int = Field(ge=1, le=MAX_TRIALS, description="number of the trial, from 1 on")
    name: str | None = Field(default=None, max_length=MAX_GUESS_LENGTH, description="a class of the list")
    words: str | None = Field(default=None, max_length=MAX_GUESS_LENGTH, description="a free answer")
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=1e6,
        description="from the sight of the stimulus to the answer; measured from trial to trial if null",
    )

    @model_validator(mode="after")
    def one_answer(self) -> Self:
        if self.name and self.words:
            raise ValueError("give a class or words, not both")
        if self.words and not self.words.isprintable():
            raise ValueError("write one line of plain text")
        return self


class NamingTrial(PlannedTrial):
    """A trial with its answer. `is_right` is None until it is answered, and for words until they are judged."""

    number: int
    issued_at: datetime | None = Field(default=None, description="when it was first shown")
    answered_at: datetime | None = None
    answer: int | None = Field(default=None, description="index of the class that it was taken for")
    words: str | None = None
    is_right: bool | None = None
    seconds: float | None = None

    @property
    def is_answered(self) -> bool:
        return self.answered_at is not None

    @property
    def waits_for_judgement(self) -> bool:
        return self.is_answered and self.is_right is None


class NamingRecord(NamingTrial):
    """An exposure of a person to a stimulus, with what its session was."""

    session: str
    owner: str = Field(exclude=True, repr=False)
    network: str
    shown: Shown
    answers: AnswerMode
    naive: bool
    feedback: bool
    has_ended: bool = Field(description="whether its session has; until then no answer counts")


class NamedRate(Model):
    """How often the stimuli of one group of answers were named, beside chance and the group's controls.

    `rate` is the share of the answers that are right, `control_rate` the share of controls that were taken for the
    class of the stimulus that they were made from; both with Wilson's interval, and None without answers.
    """

    group: str = Field(description="a network, a class, a seed, or the key of a recipe without its seed")
    network: str
    shown: Shown | None = Field(default=None, description="of groups by network")
    answers: AnswerMode | None = Field(default=None, description="of groups by network")
    rate: Interval | None
    named: int
    answered: int = Field(description="answers to stimuli that count: the first of a person to each result")
    people: int
    chance: float | None = Field(description="1 / number of classes; null for free words")
    control_rate: Interval | None
    control_named: int
    control_answered: int


class Misnaming(Model):
    """A class and what its stimuli were taken for."""

    network: str
    class_name: str
    taken_for: str = Field(description="a class; empty for words that name none, and for those who could not name it")
    count: int
    of: int = Field(description="answers to stimuli of the class that count")


class NamingReport(Model):
    """What people named, of sessions that have ended."""

    sessions: int
    people: int
    repeated: int = Field(description="answers left out: the person had been shown the same result before")
    unjudged: int = Field(description="answers left out: free words that nobody has judged")
    networks: tuple[NamedRate, ...] = Field(description="by network, what was shown, and how it was answered")
    classes: tuple[NamedRate, ...]
    recipes: tuple[NamedRate, ...]
    seeds: tuple[NamedRate, ...]
    misnamings: tuple[Misnaming, ...]
