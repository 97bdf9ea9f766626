"""Naming by people: starts sessions, gives their trials without a name, takes answers, and reports rates."""

from typing import Annotated, Self

from fastapi import APIRouter, Body, Depends, Path
from pydantic import Field

from app.analysis.naming.plan import shuffled_classes
from app.contract.errors import Conflict
from app.contract.model import Model
from app.contract.naming import MAX_TRIALS, AnswerMode, Guess, NamingReport, NamingRequest, NamingSession
from app.contract.result import MediaRole
from app.store import Session
from app.store.catalog import networks
from app.store.naming import sessions, trials
from app.store.naming.sessions import Participant
from app.web import api_urls, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.deps import ReadSession, WriteSession
from app.web.requests.visitor import VisitorDep
from app.web.views.parts.blind_stimulus import blind_media, current_trial, own_session
from app.web.views.parts.naming_rates import AnswerRow, ReportFilters, load_naming

router = APIRouter(prefix="/api/naming", tags=["naming"])

SessionId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0" * 32])]
Filters = Annotated[ReportFilters, Depends(ReportFilters)]
EXAMPLE = {"network": "mocap", "naive": True, "trials": 40}


class NamingSessionOut(NamingSession):
    href: str
    page: str

    @classmethod
    def of(cls, naming: NamingSession) -> Self:
        return cls(**vars(naming), href=api_urls.naming_session(naming.id), page=urls.naming_session(naming.id))


class BlindMediumOut(Model):
    role: MediaRole
    href: str = Field(description="names nothing of what it shows; it is there until the trial is answered")
    width: int
    height: int
    frames: int


class TrialOut(Model):
    """The trial to answer next. Some are controls; the answers to come do not tell which."""

    session: str
    number: int = Field(ge=1, le=MAX_TRIALS)
    trials: int
    media: tuple[BlindMediumOut, ...]
    classes: tuple[str, ...] | None = Field(description="to choose from, shuffled in each trial; null for free words")


class AnswerOut(Model):
    """Where a session is after an answer. `is_right` is null where the session tells it at the end alone."""

    session: NamingSessionOut
    is_right: bool | None
    class_name: str | None
    is_control: bool | None


@router.post(
    "/sessions",
    summary="Start a session of naming: stored stimuli of classes, without their names",
    status_code=201,
    responses=write_errors(404, 413, 415, 422),
)
def start(
    session: WriteSession, visitor: VisitorDep, request: Annotated[NamingRequest, Body(examples=[EXAMPLE])]
) -> NamingSessionOut:
    participant = Participant(owner=visitor.cookie_owner or visitor.address_id, address=visitor.address_id)
    return NamingSessionOut.of(sessions.create_session(session, request=request, participant=participant))


@router.get("/sessions/{session_id}", summary="A session: how far it is", responses=errors(404, 422))
def get_session(session: ReadSession, visitor: VisitorDep, session_id: SessionId) -> NamingSessionOut:
    return NamingSessionOut.of(own_session(session, visitor, session_id))


@router.get("/sessions/{session_id}/next", summary="The trial to answer next", responses=errors(404, 409, 422))
def get_next(session: ReadSession, visitor: VisitorDep, session_id: SessionId) -> TrialOut:
    """409 where the session has ended."""
    naming = own_session(session, visitor, session_id)
    if not naming.is_open:
        raise Conflict("This session has ended: it has no next trial. Start another with POST /api/naming/sessions.")
    trial = current_trial(session, naming)
    card = networks.get_card(session, slug=naming.network)
    media = blind_media(session, naming, trial)
    return TrialOut(
        session=naming.id,
        number=trial.number,
        trials=naming.trials,
        media=tuple(BlindMediumOut(**vars(each)) for each in media.values()),
        classes=shuffled_classes(card, trial) if naming.request.answers is AnswerMode.LIST else None,
    )


@router.post(
    "/sessions/{session_id}/answers",
    summary="Answer the trial that is next: a class, words, or neither for what cannot be named",
    responses=write_errors(404, 409, 413, 415, 422),
)
def answer(session: WriteSession, visitor: VisitorDep, session_id: SessionId, guess: Guess) -> AnswerOut:
    naming = own_session(session, visitor, session_id)
    card = networks.get_card(session, slug=naming.network)
    answered = trials.answer_trial(session, session_id=session_id, card=card, guess=guess)
    tells = naming.request.feedback
    return AnswerOut(
        session=_read(session, session_id),
        is_right=answered.is_right if tells else None,
        class_name=card.classes[answered.class_index] if tells else None,
        is_control=answered.is_control if tells else None,
    )


@router.post(
    "/sessions/{session_id}/abandon",
    summary="End a session before its last trial; its answers stay",
    responses=write_errors(404, 409, 422),
)
def abandon(session: WriteSession, visitor: VisitorDep, session_id: SessionId) -> NamingSessionOut:
    own_session(session, visitor, session_id)
    sessions.abandon_session(session, session_id=session_id)
    return _read(session, session_id)


@router.post(
    "/sessions/{session_id}/verdicts",
    summary="Judge free words that hold no class's name: right or wrong, by number of the trial",
    responses=write_errors(404, 409, 413, 415, 422),
)
def judge(
    session: WriteSession, visitor: VisitorDep, session_id: SessionId, verdicts: dict[int, bool]
) -> NamingSessionOut:
    own_session(session, visitor, session_id)
    trials.judge_trials(session, session_id=session_id, verdicts=verdicts)
    return _read(session, session_id)


@router.get("/report", summary="How often people named stimuli, beside chance and controls", responses=errors(404, 422))
def get_report(session: ReadSession, filters: Filters) -> NamingReport:
    return load_naming(session, filters).report()


@router.get("/answers", summary="Every answer of sessions that have ended", responses=errors(404, 422))
def list_answers(session: ReadSession, filters: Filters) -> list[AnswerRow]:
    """People are numbered; `counts` says which answers rates are made of. As CSV: `/-/name-it/report?export=csv`."""
    return load_naming(session, filters).rows()


def _read(session: Session, session_id: str) -> NamingSessionOut:
    return NamingSessionOut.of(sessions.get_session(session, session_id=session_id))
