"""The trials of a session: the one to show next, answers to it, and judgements of free words."""

from collections.abc import Sequence

from sqlalchemy import select

from app.analysis.naming.words import match_words
from app.contract.errors import Conflict, InvalidRequest, Missing
from app.contract.naming import AnswerMode, Guess, NamingRequest, NamingTrial, SessionState
from app.contract.network import NetworkCard
from app.store.database.clock import now
from app.store.database.naming_tables import NamingTrialRow
from app.store.database.session import Session
from app.store.naming.sessions import lock_open_session


def list_trials(session: Session, *, session_id: str) -> list[NamingTrial]:
    """Return all trials of a session in their order."""
    rows = session.scalars(
        select(NamingTrialRow).where(NamingTrialRow.session_id == session_id).order_by(NamingTrialRow.number)
    )
    return [as_trial(row) for row in rows]


def get_trial(session: Session, *, session_id: str, number: int) -> NamingTrial:
    """Return a trial of a session. Raises Missing."""
    row = session.get(NamingTrialRow, (session_id, number))
    if row is None:
        raise Missing(f"This session has no trial {number}.")
    return as_trial(row)


def answer_trial(session: Session, *, session_id: str, card: NetworkCard, guess: Guess) -> NamingTrial:
    """Store the answer to the trial that is being shown, show the next one, and end the session after the last.

    Raises Conflict for a trial that has been answered or is not shown yet, UnknownClass for a class that is not in the
    list, and InvalidRequest for words where a class is to be chosen, or a class where words are.
    """
    row = lock_open_session(session, session_id)
    if guess.trial > row.trials:
        raise Missing(f"This session has no trial {guess.trial}.")
    if guess.trial <= row.answered:
        raise Conflict(f"Trial {guess.trial} has been answered. An answer cannot be changed.", trial=row.answered + 1)
    if guess.trial > row.answered + 1:
        raise Conflict(f"Trial {guess.trial} has not been shown yet: answer trial {row.answered + 1} first.")
    trial = session.get_one(NamingTrialRow, (session_id, guess.trial))
    words = (guess.words or "").strip() or None
    answer = _meant_class(card, NamingRequest.model_validate(row.request).answers, guess.name, words)
    moment = now(session)
    trial.answer, trial.words, trial.answered_at = answer, words, moment
    trial.is_right = None if words and answer is None else answer == trial.class_index
    elapsed = max(0.0, (moment - (trial.issued_at or moment)).total_seconds())
    trial.seconds = elapsed if guess.seconds is None else min(elapsed, guess.seconds)
    row.answered = guess.trial
    if row.answered == row.trials:
        row.state, row.ended_at = SessionState.DONE.value, moment
    else:
        session.get_one(NamingTrialRow, (session_id, guess.trial + 1)).issued_at = moment
    return as_trial(trial)


def judge_trials(session: Session, *, session_id: str, verdicts: dict[int, bool]) -> None:
    """Store whether free words that matched no class were right, by number of the trial. Raises Conflict."""
    rows: Sequence[NamingTrialRow] = session.scalars(
        select(NamingTrialRow)
        .where(NamingTrialRow.session_id == session_id, NamingTrialRow.number.in_(verdicts))
        .with_for_update()
    ).all()
    waiting = {row.number for row in rows if as_trial(row).waits_for_judgement}
    if others := verdicts.keys() - waiting:
        raise Conflict(f"There is nothing to judge about trial {min(others)}: it has its verdict, or no answer.")
    for row in rows:
        row.is_right = verdicts[row.number]


def as_trial(row: NamingTrialRow) -> NamingTrial:
    fields = {name: getattr(row, name) for name in NamingTrial.model_fields if name != "visualization"}
    return NamingTrial(visualization=row.visualization_id, **fields)


def _meant_class(card: NetworkCard, mode: AnswerMode, name: str | None, words: str | None) -> int | None:
    """Return the index of the class that an answer means, None for none."""
    if mode is AnswerMode.LIST:
        if words:
            raise InvalidRequest("In this session a class is chosen from the list: send `name`, not `words`.")
        return card.class_index(name) if name else None
    if name:
        raise InvalidRequest("In this session answers are free words: send `words`, not `name`.")
    return match_words(words, card.classes) if words else None
