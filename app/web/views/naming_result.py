"""The result of a session that has ended: what was named, and the free words that wait for a verdict."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.contract.naming import NamedRate, NamingSession, NamingTrial
from app.contract.network import NetworkCard
from app.store import Session
from app.store.naming import trials
from app.web import urls
from app.web.render import render
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.naming_rates import load_session
from app.web.views.parts.navigation import Crumb


@dataclass(frozen=True)
class TrialResult:
    """An answer beside the truth. `counts` says whether it is the person's first exposure to the result."""

    number: int
    class_name: str
    class_href: str
    recipe_text: str
    is_control: bool
    answer: str  # a class, words, or empty
    is_right: bool | None
    counts: bool


@dataclass(frozen=True)
class UnjudgedAnswer:
    """Free words that match no class, beside the class. Whether it is a control is told after the verdict."""

    number: int
    class_name: str
    words: str


@dataclass(frozen=True, kw_only=True)
class NamingResultPage(Page):
    """`results` is empty, and `rate` None, as long as free words wait for a verdict."""

    template: ClassVar[str] = "naming_result.html"
    card: NetworkCard
    session: NamingSession
    unjudged: tuple[UnjudgedAnswer, ...]
    results: tuple[TrialResult, ...]
    rate: NamedRate | None
    repeated: int
    report_href: str


def result_page(request: Request, session: Session, naming: NamingSession, card: NetworkCard) -> HTMLResponse:
    """Return the page of a session that has ended."""
    each_trial = trials.list_trials(session, session_id=naming.id)
    unjudged = [each for each in each_trial if each.waits_for_judgement]
    data = load_session(session, naming)
    report = data.report()
    recipes = data.recipes

    def result(trial: NamingTrial) -> TrialResult:
        name, recipe = card.classes[trial.class_index], recipes[trial.recipe_key]
        return TrialResult(
            number=trial.number,
            class_name=name,
            class_href=urls.class_(card.slug, name, recipe=trial.recipe_key[:12]),
            recipe_text=f"{recipe.speed}, seed {trial.recipe_seed}",
            is_control=trial.is_control,
            answer=trial.words or ("" if trial.answer is None else card.classes[trial.answer]),
            is_right=trial.is_right,
            counts=(naming.id, trial.number) in data.first,
        )

    return render(
        NamingResultPage(
            layout=page_layout(
                request,
                title=f"Named stimuli of {card.title}",
                address=urls.naming_session(naming.id),
                description=f"What one person named of {card.title}.",
                crumbs=(home_crumb(), Crumb("Name stimuli", urls.name_it()), Crumb("Result")),
            ),
            card=card,
            session=naming,
            unjudged=tuple(
                UnjudgedAnswer(each.number, card.classes[each.class_index], each.words or "") for each in unjudged
            ),
            results=() if unjudged else tuple(result(each) for each in each_trial if each.is_answered),
            rate=report.networks[0] if report.networks and not unjudged else None,
            repeated=report.repeated,
            report_href=urls.naming_report(network=card.slug),
        )
    )
