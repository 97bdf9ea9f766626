"""The live surveys of a network, which pages show before there is evidence."""

from dataclasses import dataclass

from app.contract.job import SurveyJob
from app.contract.network import NetworkCard
from app.store import Session
from app.store.jobs import workers
from app.store.surveys import evidence, writing


@dataclass(frozen=True)
class SurveyStatus:
    """The queued and running surveys of a network, whether it was surveyed before, and whether any worker is alive."""

    network: str
    has_classes: bool
    live_jobs: tuple[SurveyJob, ...]
    workers_alive: bool
    is_surveyed: bool  # where a unit has no evidence all the same, its layer is newer than the survey

    @property
    def is_under_way(self) -> bool:
        return bool(self.live_jobs)


def survey_status(session: Session, *, card: NetworkCard) -> SurveyStatus:
    live_jobs = tuple(writing.list_live_surveys(session, card=card))
    return SurveyStatus(
        network=card.slug,
        has_classes=bool(card.classes),
        live_jobs=live_jobs,
        workers_alive=workers.any_alive(session),
        is_surveyed=evidence.get_survey(session, card=card) is not None,
    )
