"""Creates sessions of naming from the stored stimuli of classes, and finds, lists and ends them."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, func, insert, select

from app.analysis.naming.plan import SEED_LIMIT, ClassResult, choose_results, plan_trials
from app.contract.errors import Conflict, InvalidRequest, Missing, TooMany
from app.contract.naming import NamingRequest, NamingSession, SessionState, possible_shown
from app.contract.network import CLASS_LAYER, NetworkCard
from app.store.catalog.networks import get_card, network_id
from app.store.database.clock import now
from app.store.database.naming_tables import NamingSessionRow, NamingTrialRow
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, ResultCountRow, UnitRow, VisualizationRow
from app.store.results.recipes import read_recipes

MAX_SESSIONS = 200  # of one person
MAX_SESSIONS_OF_ADDRESS = 2000  # a classroom behind one network address has many people


@dataclass(frozen=True)
class Participant:
    """Who takes a session: the owner of a browser's cookie, or a program's address; and the network address."""

    owner: str
    address: str


def class_results(session: Session, *, card: NetworkCard) -> list[ClassResult]:
    """Return all stored results of a network's classes. Raises NoClasses."""
    layer = card.layer(CLASS_LAYER)
    rows = session.read(
        select(VisualizationRow.id, UnitRow.index, VisualizationRow.recipe_key)
        .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
        .where(UnitRow.network_id == network_id(session, card), UnitRow.layer_index == layer.index)
        .where(UnitRow.visualizations > 0)
        .order_by(VisualizationRow.id)
    ).all()
    recipes = read_recipes(session, {key for _, _, key in rows})
    return [ClassResult(id, index, key, recipes[key]) for id, index, key in rows]


def count_class_results(session: Session) -> dict[str, int]:
    """Return how many results of classes each network has, by slug; a few may be of stimuli that lower their class."""
    counts = session.read(
        select(NetworkRow.slug, ResultCountRow.layer_index, func.sum(ResultCountRow.results))
        .join(NetworkRow, NetworkRow.id == ResultCountRow.network_id)
        .group_by(NetworkRow.slug, ResultCountRow.layer_index)
    ).all()
    by_network: dict[str, dict[int, int]] = {}
    for slug, layer_index, results in counts:
        by_network.setdefault(slug, {})[layer_index] = results
    cards = (get_card(session, slug=slug) for slug in by_network)
    return {card.slug: by_network[card.slug].get(card.layer(CLASS_LAYER).index, 0) for card in cards if card.classes}


def create_session(
    session: Session,
    *,
    request: NamingRequest,
    participant: Participant,
    seed: int | None = None,
    max_sessions: int = MAX_SESSIONS,
) -> NamingSession:
    """Plan a session, show its first trial, and return it.

    Raises UnknownNetwork, NoClasses, Missing where no result is stored under these choices, and TooMany.
    """
    card = get_card(session, slug=request.network)
    card.require_classes()
    if request.shown not in possible_shown(card):
        raise InvalidRequest(f"A stimulus of {card.title} is one moving picture: `shown` can only be `all`.")
    results = choose_results(class_results(session, card=card), card, request)
    if not results:
        raise Missing(
            f"No class of {card.title} has a stimulus under these choices. Choose other recipes, speeds or seeds, or "
            "visualize its classes first: all units of the layer `class`, once for each seed.",
            network=card.slug,
        )
    _refuse_too_many(session, participant, max_sessions)
    seed = secrets.randbelow(SEED_LIMIT) if seed is None else seed
    seen = _seen(session, card, participant.owner)
    planned = plan_trials(results, seen=seen, trials=request.trials, controls=request.controls, seed=seed)
    moment = now(session)
    row = NamingSessionRow(
        id=secrets.token_hex(16),
        network_id=network_id(session, card),
        owner=participant.owner,
        address=participant.address,
        request=request.model_dump(mode="json"),
        seed=seed,
        trials=len(planned),
        answered=0,
        state=SessionState.OPEN.value,
        created_at=moment,
    )
    session.add(row)
    session.flush()
    fields = ("class_index", "recipe_key", "recipe_seed", "is_control", "seed")
    session.execute(
        insert(NamingTrialRow),
        [
            {
                "session_id": row.id,
                "number": number,
                "visualization_id": trial.visualization,
                "issued_at": moment if number == 1 else None,
                **{name: getattr(trial, name) for name in fields},
            }
            for number, trial in enumerate(planned, start=1)
        ],
    )
    return as_session(row, card.slug)


def get_session(session: Session, *, session_id: str) -> NamingSession:
    """Return a session by its id. Raises Missing."""
    found = session.execute(_select_sessions().where(NamingSessionRow.id == session_id)).one_or_none()
    if found is None:
        raise _no_session(session_id)
    row, slug = found
    return as_session(row, slug)


def list_sessions(session: Session, *, owners: Collection[str], limit: int = 50) -> list[NamingSession]:
    """Return the newest sessions of a person, newest first."""
    mine = _select_sessions().where(NamingSessionRow.owner.in_(owners))
    ordered = mine.order_by(NamingSessionRow.created_at.desc(), NamingSessionRow.id).limit(limit)
    return [as_session(row, slug) for row, slug in session.execute(ordered)]


def abandon_session(session: Session, *, session_id: str) -> None:
    """End a session before its last trial; its answers stay. Raises Missing, and Conflict where it has ended."""
    row = lock_open_session(session, session_id)
    row.state, row.ended_at = SessionState.ABANDONED.value, now(session)


def lock_open_session(session: Session, session_id: str) -> NamingSessionRow:
    """Return the row of a session to be changed. Raises Missing, and Conflict where it has ended."""
    row = session.get(NamingSessionRow, session_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise _no_session(session_id)
    if row.state != SessionState.OPEN:
        raise Conflict("This session has ended, and takes no more answers. Start another one.")
    return row


def _no_session(session_id: str) -> Missing:
    return Missing(
        f"There is no session {session_id[:32]!r}. Start one on the page Name stimuli, or by POST /api/naming/sessions."
    )


def as_session(row: NamingSessionRow, network: str) -> NamingSession:
    return NamingSession(
        id=row.id,
        network=network,
        owner=row.owner,
        request=NamingRequest.model_validate(row.request),
        seed=row.seed,
        trials=row.trials,
        answered=row.answered,
        state=SessionState(row.state),
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _select_sessions() -> Select[NamingSessionRow, str]:
    return select(NamingSessionRow, NetworkRow.slug).join(NetworkRow, NetworkRow.id == NamingSessionRow.network_id)


def _seen(session: Session, card: NetworkCard, owner: str) -> set[tuple[int, str]]:
    """Return class and recipe of the results of a network that a person has been shown."""
    shown = (
        select(NamingTrialRow.class_index, NamingTrialRow.recipe_key)
        .join(NamingSessionRow, NamingSessionRow.id == NamingTrialRow.session_id)
        .where(NamingSessionRow.owner == owner, NamingSessionRow.network_id == network_id(session, card))
        .where(NamingTrialRow.issued_at.is_not(None), ~NamingTrialRow.is_control)
    )
    return {(index, key) for index, key in session.read(shown)}


def _refuse_too_many(session: Session, participant: Participant, max_sessions: int) -> None:
    for column, value, limit, whose in (
        (NamingSessionRow.owner, participant.owner, max_sessions, "by you"),
        (NamingSessionRow.address, participant.address, MAX_SESSIONS_OF_ADDRESS, "from your network address"),
    ):
        count = session.scalar(select(func.count()).select_from(NamingSessionRow).where(column == value)) or 0
        if count >= limit:
            raise TooMany(
                f"{limit:,} sessions have been started {whose}, which is as many as there may be.", limit=limit
            )
