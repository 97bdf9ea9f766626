"""A session of naming: its trial while it is open, its result when it has ended, and what people send to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from starlette.background import BackgroundTask

from app.analysis.naming.plan import shuffled_classes
from app.contract.errors import InvalidRequest
from app.contract.naming import MAX_GUESS_LENGTH, MAX_TRIALS, AnswerMode, Guess, NamingSession, NamingTrial, Shown
from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.store import Session
from app.store.catalog import networks
from app.store.naming import sessions, trials
from app.web import urls
from app.web.deps import ReadSession, StoreDep, WriteSession
from app.web.render import render
from app.web.requests.form import Form
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep
from app.web.views.naming_result import result_page
from app.web.views.parts.blind_stimulus import (
    BlindMedium,
    blind_media,
    current_trial,
    draw_ahead,
    own_session,
    read_blind_medium,
)
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Choice, Crumb
from app.web.views.parts.player import PlayerSettings, flow_encoding_choices

router = APIRouter(prefix=urls.name_it())

CANNOT_NAME = "cannot"  # the name of the button for those who cannot name a stimulus
NEVER_STORED = {"Cache-Control": "no-store"}  # a picture is there until its trial is answered

SessionId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
TrialNumber = Annotated[int, Path(ge=1, le=MAX_TRIALS)]


@dataclass(frozen=True)
class AnswerFeedback:
    """What an answer was worth, for sessions that tell it at once."""

    number: int
    is_control: bool
    is_right: bool | None
    class_name: str


@dataclass(frozen=True, kw_only=True)
class NamingTrialPage(Page):
    """A stimulus without its name. Nothing here may tell its class, unit, recipe or whether it is a control."""

    template: ClassVar[str] = "naming_trial.html"
    session: NamingSession
    number: int
    media: Mapping[MediaRole, BlindMedium]
    has_carried: bool  # whether the picture carried along the flow is shown too
    choices: tuple[str, ...]  # the classes, shuffled; empty where answers are free words
    max_length: int  # of free words
    action: str
    player_settings: PlayerSettings
    flow_encodings: tuple[Choice, ...]
    feedback: AnswerFeedback | None  # on the answer before, where the session gives any


@router.get("/{session_id}")
def session_page(
    request: Request,
    store: StoreDep,
    session: ReadSession,
    visitor: VisitorDep,
    session_id: SessionId,
    settings: Annotated[PlayerSettings, Depends(PlayerSettings)],
) -> HTMLResponse:
    naming = own_session(session, visitor, session_id)
    card = networks.get_card(session, slug=naming.network)
    if not naming.is_open:
        return result_page(request, session, naming, card)
    trial = current_trial(session, naming)
    media = blind_media(session, naming, trial)
    params = _lasting_params(settings)

    def view_link(view: str | None) -> str:
        return urls.naming_session(naming.id, **{**params, "view": view})

    response = render(
        NamingTrialPage(
            layout=page_layout(
                request,
                title=f"Trial {trial.number} of {naming.trials}",
                address=urls.naming_session(naming.id),
                description="A stimulus without its name.",
                crumbs=(home_crumb(), Crumb("Name stimuli", urls.name_it()), Crumb(f"Trial {trial.number}")),
            ),
            session=naming,
            number=trial.number,
            media=media,
            has_carried=naming.request.shown is Shown.ALL and {MediaRole.APPEARANCE, MediaRole.FLOW} <= media.keys(),
            choices=shuffled_classes(card, trial) if naming.request.answers is AnswerMode.LIST else (),
            max_length=MAX_GUESS_LENGTH,
            action=urls.naming_session(naming.id, **params),
            player_settings=settings,
            flow_encodings=flow_encoding_choices(settings, view_link) if MediaRole.FLOW in media else (),
            feedback=_feedback(session, naming, card, trial),
        ),
        headers=NEVER_STORED,
    )
    response.background = BackgroundTask(draw_ahead, store, naming, trial.number + 1)
    return response


@router.get("/{session_id}/{number}/{role}")
def trial_medium(
    session: ReadSession, visitor: VisitorDep, session_id: SessionId, number: TrialNumber, role: MediaRole
) -> Response:
    naming = own_session(session, visitor, session_id)
    medium = read_blind_medium(session, naming, number, role)
    return Response(medium.data, media_type=medium.type, headers=NEVER_STORED)


def _lasting_params(settings: PlayerSettings) -> dict[str, str]:
    """Return the player's settings that stay from trial to trial: all but where it is paused."""
    return {name: value for name, value in settings.query_params.items() if name != "frame"}


@router.post("/{session_id}")
def answer_trial(
    session: WriteSession,
    visitor: VisitorDep,
    session_id: SessionId,
    form: Form,
    settings: Annotated[PlayerSettings, Depends(PlayerSettings)],
) -> RedirectResponse:
    naming = own_session(session, visitor, session_id)
    guess = _read_guess(form)
    card = networks.get_card(session, slug=naming.network)
    trials.answer_trial(session, session_id=session_id, card=card, guess=guess)
    params = _lasting_params(settings)
    return RedirectResponse(urls.naming_session(session_id, **params), status_code=303)


@router.post("/{session_id}/abandon")
def abandon_session(session: WriteSession, visitor: VisitorDep, session_id: SessionId) -> RedirectResponse:
    own_session(session, visitor, session_id)
    sessions.abandon_session(session, session_id=session_id)
    return RedirectResponse(urls.naming_session(session_id), status_code=303)


@router.post("/{session_id}/judge")
def judge_words(session: WriteSession, visitor: VisitorDep, session_id: SessionId, form: Form) -> RedirectResponse:
    """Store the verdicts of a form, whose fields are the numbers of trials and whose values are right or wrong."""
    own_session(session, visitor, session_id)
    verdicts = {name: value for name, value in form.items() if name.isdecimal() and len(name) <= len(str(MAX_TRIALS))}
    if not verdicts or not set(verdicts.values()) <= {"right", "wrong"}:
        raise InvalidRequest("Say of one answer at least whether it is right or wrong.")
    trials.judge_trials(
        session, session_id=session_id, verdicts={int(number): value == "right" for number, value in verdicts.items()}
    )
    return RedirectResponse(urls.naming_session(session_id), status_code=303)


def _read_guess(form: dict[str, str]) -> Guess:
    """Return the guess in a form. Raises InvalidRequest, also where it has neither an answer nor that there is none."""
    fields = {name: value for name, value in form.items() if name in Guess.model_fields}
    if CANNOT_NAME in form:
        fields = {name: value for name, value in fields.items() if name not in ("name", "words")}
    elif not fields.get("name") and not fields.get("words", "").strip():
        raise InvalidRequest('Answer with a class or in words, or press "I cannot name it".')
    try:
        return Guess.model_validate(fields)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error


def _feedback(session: Session, naming: NamingSession, card: NetworkCard, trial: NamingTrial) -> AnswerFeedback | None:
    if not naming.request.feedback or trial.number == 1:
        return None
    before = trials.get_trial(session, session_id=naming.id, number=trial.number - 1)
    return AnswerFeedback(before.number, before.is_control, before.is_right, card.classes[before.class_index])
