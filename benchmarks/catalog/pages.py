"""The kinds of page, each with a function that draws the address of a random page of the kind."""

import random
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

from sqlalchemy import func, select

from app.contract.job import JobKind, JobState
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.recipe import Speed
from app.contract.unit import UnitRole
from app.contract.unit_query import UnitQuery, UnitSort
from app.store.catalog import networks, search
from app.store.database.engine import Store
from app.store.database.survey_tables import ClipRow
from app.store.database.tables import JobRow, LinkRow, UnitRow, VisualizationRow
from app.store.jobs import listing
from app.store.surveys import evidence
from app.web import api_urls, url_path, urls

Draw = Callable[[], str]


class Catalogue:
    """Draws what is in the database at random."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.random = random.Random(seed)
        with store.session() as session:
            self.cards = [each.card for each in networks.list_networks(session)]
            surveyed = {each.network for each in evidence.list_surveys(session)}
        self.surveyed = [card for card in self.cards if card.slug in surveyed]
        self.two_stream = [card for card in self.surveyed if len(card.streams) > 1]
        self.clip_networks = [card for card in self.surveyed if len(card.layers) > 9 and len(card.streams) == 1]
        self.wide = max(self.cards, key=lambda card: max(layer.units for layer in card.layers))

    def card(self) -> NetworkCard:
        return self.random.choice(self.cards)

    def unit(self, card: NetworkCard) -> tuple[str, int]:
        layer = self.random.choices(card.layers, [layer.units for layer in card.layers])[0]
        return layer.name, self.random.randrange(layer.units)

    def units(self, card: NetworkCard, number: int) -> list[str]:
        return [f"{layer}/{unit}" for layer, unit in (self.unit(card) for _ in range(number))]

    def class_(self, card: NetworkCard) -> str:
        return self.random.choice(card.classes)

    def listing_page(self, card: NetworkCard, **query: Any) -> UnitQuery:
        """Return the query of a random page of a listing, as the pager of the page before it links to it."""
        chosen = UnitQuery.model_validate(query)
        with self.store.session() as session:
            total = search.search_units(session, card=card, query=chosen).total
            far = chosen.model_copy(update={"page": self.random.randrange(1, max(2, total // 48))})
            page_before = search.search_units(session, card=card, query=far)
        return chosen.model_copy(update={"after": page_before.after, "page": far.page + 1})

    def far_jobs(self, page: int) -> str:
        """Return the address of a page of the queue, as the pager of the page before it links to it."""
        with self.store.session() as session:
            page_before = listing.list_jobs(session, page=page - 1)
        return urls.jobs(page=page, after=page_before.after)

    def id(self, table: Any, *only: Any) -> Any:
        """Return the key of a random row, of those that meet the conditions."""
        key = next(iter(table.__table__.primary_key.columns))
        if key.type.python_type is int and not only:
            return self.random.randint(1, self._largest[table])
        return self.random.choice(self._some(table, key, only))

    @cached_property
    def _largest(self) -> dict[Any, int]:
        with self.store.session() as session:
            return {table: session.scalar(select(func.max(table.id))) or 0 for table in (UnitRow, VisualizationRow)}

    def _some(self, table: Any, key: Any, only: tuple[Any, ...]) -> list[Any]:
        with self.store.session() as session:
            return list(session.scalars(select(key).where(*only).order_by(key.desc()).limit(2000)))

    @cached_property
    def clips(self) -> list[tuple[str, str, str]]:
        """Return the data set, name and label of each clip."""
        with self.store.session() as session:
            rows = session.scalars(select(ClipRow).order_by(ClipRow.name).limit(30_000)).all()
        return [(("kinetics", "ucf")[row.dataset_id - 1], row.name, row.label) for row in rows]


def pages(of: Catalogue) -> Iterator[tuple[str, Draw]]:
    """Yield the name of every kind of page, in the order of the site, and a function that draws an address."""
    pick = of.random.choice
    yield "networks", urls.networks
    yield "network", lambda: urls.network(of.card().slug)
    yield from _explorer(of)
    yield from _units(of)
    yield "classes", lambda: urls.classes(of.card().slug, page=of.random.randint(1, 6))
    yield "classes, words", lambda: urls.classes(of.card().slug, q=pick(("ball", "rid", "beach", "the")))
    yield "class, surveyed", lambda: _class(of, pick(of.surveyed))
    yield "class, of 65,536 units", lambda: _class(of, of.wide)
    yield "class", lambda: _class(of, of.card())
    yield "confusions", lambda: urls.confusions(pick(of.surveyed).slug)
    yield "confusion", lambda: _confusion(of, pick(of.surveyed))
    yield "findings, two streams", lambda: urls.findings(pick(of.two_stream).slug)
    yield "findings, clips", lambda: urls.findings(pick(of.clip_networks).slug)
    yield "findings, 65,536 units", lambda: urls.findings(of.wide.slug)
    yield "findings, saved file", lambda: urls.findings(pick(of.surveyed[1:]).slug, export="html")
    yield "surveys", lambda: urls.surveys(of.card().slug)
    yield "compare 8", lambda: _compare(of, of.card())
    yield "visualize 8 units?", lambda: _selection(of, of.card(), 8)
    yield "visualize a class?", lambda: _all(of, **{"class": "it"})
    yield "visualize a layer?", lambda: _all(of, layer="it")
    yield "visualize a network?", lambda: _all(of)
    yield "export 3 units", lambda: _export(of, of.card())
    for state in (None, *JobState):
        yield f"jobs, {state or 'all'}", partial(urls.jobs, state=state)
    yield "jobs, a network's", lambda: urls.jobs(network=of.card().slug)
    yield "jobs, far page", lambda: of.far_jobs(of.random.randint(100, 2000))
    yield "jobs, far page by its number", lambda: urls.jobs(page=of.random.randint(100, 2000))
    yield "jobs, mine", lambda: urls.jobs(mine=True)
    for state in JobState:
        yield f"job, {state}", partial(_job, of, state)
    yield "data sets", urls.datasets
    yield "data set", lambda: urls.dataset(pick(("kinetics", "ucf")), page=of.random.randint(1, 100))
    yield "data set, a label", lambda: _label(of)
    yield "clip", lambda: urls.clip(*pick(of.clips)[:2])
    yield "explain, form", lambda: _explain(of)
    yield "clip of one's own", lambda: urls.own_clip(of.id(JobRow, JobRow.kind == JobKind.EXPLAIN))
    yield "saved views", lambda: urls.saved(page=of.random.randint(1, 10))
    yield "short link", lambda: urls.link(of.id(LinkRow))
    yield "feed", urls.feed
    yield "feed of a network", lambda: urls.feed(of.card().slug)
    yield "picture of a link", lambda: urls.link_preview(of.id(VisualizationRow))
    yield "no such unit", lambda: urls.unit(of.card().slug, CLASS_LAYER, 10**6)
    yield from _api(of)


def _explorer(of: Catalogue) -> Iterator[tuple[str, Draw]]:
    pick = of.random.choice

    def explore(surveyed: bool = False, **query: Any) -> Draw:
        return lambda: urls.units(pick(of.surveyed if surveyed else of.cards).slug, UnitQuery.model_validate(query))

    def far(**query: Any) -> Draw:
        def draw() -> str:
            card = pick(of.surveyed)
            return urls.units(card.slug, of.listing_page(card, **query))

        return draw

    def named(**fields: Callable[[NetworkCard], Any]) -> Draw:
        def draw() -> str:
            card = pick(of.cards)
            return urls.units(card.slug, UnitQuery.model_validate({name: make(card) for name, make in fields.items()}))

        return draw

    yield "explorer", explore()
    yield "explorer, list", explore(view="list")
    for sort in UnitSort:
        yield f"explorer by {sort}", explore(surveyed=True, sort=sort)
        yield f"explorer by {sort}, far", far(sort=sort)
    yield "explorer, page 200", explore(page=200)
    yield "explorer, layer", named(layer=lambda card: pick(card.layers).name)
    yield "explorer, stream", named(stream=lambda card: pick(card.layers).stream)
    yield "explorer, class", named(**{"class": of.class_})
    for role in UnitRole:
        yield f"explorer, {role}", explore(surveyed=True, role=role.value)
    yield "explorer, specific by reach", explore(surveyed=True, role="specific", sort="reach")
    yield "explorer, mixed by activation, far", far(role="mixed", sort="activation")
    yield "explorer, reach", explore(surveyed=True, min_reach=1.0)
    yield "explorer, high reach by name", explore(surveyed=True, min_reach=20.0, sort="name")
    yield "explorer, visualized", explore(state="visualized")
    yield "explorer, missing", explore(state="missing")
    yield "explorer, missing by recent", explore(state="missing", sort="recent")
    yield "explorer, number", named(q=lambda card: str(of.random.randrange(300)))
    yield "explorer, word of a layer", named(q=lambda card: pick(card.layers).name[:5])
    yield "explorer, word of a class", named(q=lambda card: of.class_(card)[:6])
    yield "explorer, address", named(q=lambda card: of.units(card, 1)[0])
    yield "explorer, two words", named(q=lambda card: f"{pick(card.layers).name[:4]} {of.random.randrange(60)}")
    yield "layer", lambda: _layer(of, of.card())
    yield "layer by activation", lambda: _layer(of, of.card(), sort="activation")
    yield "layer by reach, surveyed", lambda: _layer(of, pick(of.surveyed), sort="reach")
    yield "layer by generic, specific", lambda: _layer(of, pick(of.surveyed), sort="generic", role="specific")
    yield "layer, missing", lambda: _layer(of, of.card(), state="missing")
    deep = max(of.wide.layers, key=lambda layer: layer.units).name
    for words, query in (
        ("", {}),
        (", specific", {"role": "specific"}),
        (" by reach", {"sort": "reach"}),
        (" by recent", {"sort": "recent"}),
    ):
        yield (
            f"layer of 65,536{words}",
            partial(_page_of_layer, of, of.wide, deep, query),
        )


def _units(of: Catalogue) -> Iterator[tuple[str, Draw]]:
    pick = of.random.choice

    def unit(cards: list[NetworkCard], speed: str | None = None) -> str:
        card = pick(cards)
        return urls.unit(card.slug, *of.unit(card), speed=speed)

    def class_unit() -> str:
        card = pick(of.cards)
        return urls.unit(card.slug, CLASS_LAYER, of.random.randrange(len(card.classes)))

    yield "unit, surveyed", lambda: unit(of.surveyed)
    yield "unit", lambda: unit(of.cards)
    yield "unit, a speed", lambda: unit(of.cards, speed=pick(list(Speed)).value)
    yield "unit, embedded", lambda: urls.embedded(unit(of.cards))
    yield "unit of the class layer", class_unit


def _api(of: Catalogue) -> Iterator[tuple[str, Draw]]:
    pick = of.random.choice

    def units(card: NetworkCard, kind: str = "units", **query: Any) -> str:
        return url_path.path("api", "networks", card.slug, kind, query=query)

    def pair() -> str:
        card = pick(of.surveyed)
        return api_urls.confusion(card.slug, *of.random.sample(card.classes, 2))

    def unit(card: NetworkCard) -> str:
        return api_urls.unit(card.slug, *of.unit(card))

    yield "api: networks", lambda: "/api/networks"
    yield "api: network", lambda: api_urls.network(of.card().slug)
    yield "api: units", lambda: units(of.card())
    yield "api: 200 units by reach", lambda: units(pick(of.surveyed), per_page=200, sort="reach")
    yield "api: tally", lambda: units(of.card(), "tally")
    yield "api: unit", lambda: unit(pick(of.surveyed))
    yield "api: visualization", lambda: api_urls.visualization(of.id(VisualizationRow))
    yield "api: data set", lambda: api_urls.dataset(pick(("kinetics", "ucf")))
    yield (
        "api: clips",
        lambda: url_path.path("api", "datasets", "kinetics", "clips", query={"page": of.random.randint(1, 100)}),
    )
    yield "api: clip", lambda: api_urls.clip(*pick(of.clips)[:2])
    yield "api: surveys", lambda: url_path.path("api", "networks", of.card().slug, "surveys")
    yield "api: survey", lambda: api_urls.survey(pick(of.surveyed).slug)
    yield "api: findings", lambda: api_urls.findings(pick(of.surveyed).slug)
    yield "api: confusions", lambda: api_urls.confusions(pick(of.surveyed).slug)
    yield "api: confusion", pair
    yield "api: jobs", lambda: "/api/jobs"
    yield "api: job", lambda: api_urls.job(of.id(JobRow, JobRow.state == JobState.DONE))
    yield "api: clip of one's own", lambda: api_urls.own_clip(of.id(JobRow, JobRow.kind == JobKind.EXPLAIN))
    yield "api: links", lambda: "/api/links"
    yield "api: health", lambda: "/api/health"


def _class(of: Catalogue, card: NetworkCard) -> str:
    return urls.class_(card.slug, of.class_(card))


def _confusion(of: Catalogue, card: NetworkCard) -> str:
    return urls.confusion(card.slug, *of.random.sample(card.classes, 2))


def _compare(of: Catalogue, card: NetworkCard) -> str:
    return urls.compare(card.slug, of.units(card, 8))


def _selection(of: Catalogue, card: NetworkCard, number: int) -> str:
    return urls.selection(card.slug, units=of.units(card, number))


def _all(of: Catalogue, **named: str) -> str:
    card = of.card()
    drawn = {"class": of.class_(card), "layer": of.random.choice(card.layers).name}
    return urls.selection(card.slug, UnitQuery.model_validate({name: drawn[name] for name in named}))


def _export(of: Catalogue, card: NetworkCard) -> str:
    return urls.export(card.slug, units=of.units(card, 3))


def _layer(of: Catalogue, card: NetworkCard, **query: Any) -> str:
    return urls.layer(card.slug, of.random.choice(card.layers).name, UnitQuery.model_validate(query))


def _page_of_layer(of: Catalogue, card: NetworkCard, layer: str, query: dict[str, str]) -> str:
    return urls.layer(card.slug, layer, of.listing_page(card, layer=layer, **query))


def _job(of: Catalogue, state: JobState) -> str:
    return urls.job(of.id(JobRow, JobRow.state == state))


def _label(of: Catalogue) -> str:
    dataset, _, label = of.random.choice(of.clips)
    return urls.dataset(dataset, label=label)


def _explain(of: Catalogue) -> str:
    dataset, name, _ = of.random.choice(of.clips)
    return urls.explain_clip(of.card().slug, dataset=dataset, clip=name)
