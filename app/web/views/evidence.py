"""What the newest survey says of a unit and of a class, as their pages show it."""

from collections.abc import Iterable, Sequence
from itertools import islice

from app.contract.confusion import Confusion, confusions, totals
from app.contract.evidence import Feed, TopClip, UnitOfClass
from app.contract.network import CLASS_LAYER, Layer, NetworkCard
from app.store import Session, datasets
from app.store.catalog import search
from app.store.jobs import workers
from app.store.surveys import classes, evidence, predictions, writing
from app.web import urls
from app.web.charts.plots import direction_plot, speed_plot, trace_plot
from app.web.evidence import Alike, Bar, ClassFacts, Fed, Peak, Shared, Surveying, UnitFacts

DETECTED = 5  # classes shown that a unit detects best
CLEARLY = 2  # times the average precision of a unit that knows nothing: the class's share of the clips
EACH = 3  # units shown of every layer
BEST = 6  # of all layers together
CONFUSED = 6  # confusions shown of a class
MISSED = 12  # clips


def surveying(session: Session, *, card: NetworkCard) -> Surveying:
    live = tuple(writing.live_surveys(session, network=card.slug))
    return Surveying(network=card.slug, live=live, workers_alive=workers.any_alive(session))


def is_under_way(waiting: Surveying | None) -> bool:
    """Whether a page waits for a survey that is on its way."""
    return waiting is not None and bool(waiting.live)


def unit_facts(session: Session, *, card: NetworkCard, layer: str, unit: int) -> UnitFacts | None:
    """None before a survey."""
    found = evidence.get_evidence(session, network=card.slug, layer=layer, unit=unit)
    survey = evidence.get_survey(session, network=card.slug)
    if found is None or survey is None:
        return None
    own = unit if layer == CLASS_LAYER else None
    clips = dict(zip(card.classes, totals(survey), strict=True))
    clear = CLEARLY / max(sum(clips.values()), 1)
    alike = search.named_units(session, slug=card.slug, names=[(layer, index) for index, _ in found.alike])
    return UnitFacts(
        evidence=found,
        survey=survey.summary,
        classes=len(card.classes),
        peaks=peaks(session, dataset=survey.dataset, tops=found.top_clips, layer=card.layer(layer)),
        responses=bars(card, found.responses, own),
        detects=tuple(
            each for each in bars(card, found.precision, own, DETECTED) if each.value >= clear * clips[each.words]
        ),
        feeds=fed(card, found.feeds),
        speed=speed_plot(found.speed.factors, found.speed.responses) if found.speed else None,
        direction=direction_plot(found.direction.degrees, found.direction.responses) if found.direction else None,
        alike=tuple(Alike(summary, correlation) for summary, (_, correlation) in zip(alike, found.alike, strict=True)),
    )


def peaks(session: Session, *, dataset: str, tops: Sequence[TopClip], layer: Layer) -> tuple[Peak, ...]:
    clips = datasets.named_clips(session, slug=dataset, names=[top.clip for top in tops], roles=datasets.ON_CARDS)
    has_place = layer.map.height * layer.map.width > 1
    return tuple(
        Peak(top, clips[top.clip], has_place, *trace_plot(top.trace, top.time)) for top in tops if top.clip in clips
    )


def bars(card: NetworkCard, values: Sequence[float], own: int | None, most: int | None = None) -> tuple[Bar, ...]:
    """By class, the largest first."""
    order = sorted(range(len(values)), key=lambda index: -values[index])[:most]
    return tuple(
        Bar(card.classes[index], urls.class_(card.slug, card.classes[index]), values[index], index == own)
        for index in order
    )


def fed(card: NetworkCard, feeds: Sequence[Feed]) -> tuple[Fed, ...]:
    largest = max((abs(feed.effect) for feed in feeds), default=0.0) or 1.0
    names = [card.classes[feed.class_index] for feed in feeds]
    return tuple(
        Fed(name, urls.class_(card.slug, name), feed, feed.effect / largest)
        for name, feed in zip(names, feeds, strict=True)
    )


def class_facts(session: Session, *, card: NetworkCard, index: int) -> ClassFacts | None:
    """None before a survey."""
    survey = evidence.get_survey(session, network=card.slug)
    if survey is None:
        return None
    name = card.classes[index]
    found = confusions(card.classes, survey, of=index)
    layers = classes.best_by_layer(session, network=card.slug, class_index=index, each=EACH)
    return ClassFacts(
        survey=survey.summary,
        recall=survey.recall[index],
        clips=totals(survey)[index],
        taken_for=first(each for each in found if each.actual == name),
        taken=first(each for each in found if each.predicted == name),
        missed=predictions.surest(
            session, network=card.slug, own=index, wrong=True, limit=MISSED, roles=datasets.ON_CARDS
        ),
        layers=tuple((layer, tuple(units)) for layer, units in reversed(layers.items())),
        best=tuple(best(each for units in layers.values() for each in units if each.unit.label != name)),
        shared=tuple(
            Shared(unit, tuple(card.classes[other] for other in unit.others))
            for unit in classes.shared_units(session, network=card.slug, class_index=index)
        ),
        bias=next((each for each in survey.streams.biases if each.class_index == index), None)
        if survey.streams
        else None,
        masked=next((each for each in survey.masked if each.class_index == index), None),
    )


def best(found: Iterable[UnitOfClass]) -> list[UnitOfClass]:
    """The deepest first among equals."""
    deepest_first = reversed(list(found))
    return sorted(deepest_first, key=lambda each: -each.precision)[:BEST]


def first(found: Iterable[Confusion]) -> tuple[Confusion, ...]:
    return tuple(islice(found, CONFUSED))
