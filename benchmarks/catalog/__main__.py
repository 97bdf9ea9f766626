"""How long does the server take for each page, with a million units and two million visualizations?

    python -m benchmarks.catalog fill sqlite:///catalog.db
    python -m benchmarks.catalog pages sqlite:///catalog.db

and the same with the address of an empty PostgreSQL database. The first fills a database that the migrations make
(minutes, and some gigabytes; `--units` and `--visualizations` make a smaller one); the second asks the application for
every kind of page, each request for other units, and gives milliseconds from the request to the last byte of the
answer, compressed as browsers want it, within the server's process and without its socket. The quiet percentile is
that of the quickest of each address's rounds, from which what else the machine did is gone; so is the CPU time's.
"""

import argparse
from time import perf_counter

from app.settings import Settings
from app.store.catalog.counts import recount_units
from app.store.catalog.survey_columns import denormalize_survey
from app.store.database.engine import open_store
from app.store.surveys.findings import store_measured
from benchmarks.catalog.evidence import explained, survey
from benchmarks.catalog.fill import Filling
from benchmarks.catalog.measure import measure
from benchmarks.catalog.networks import make_cards
from benchmarks.catalog.sink import sink, tidy

SURVEYED = 8  # networks


def fill(url: str, units: int, visualizations: int, seed: int) -> None:
    started = perf_counter()
    store = open_store(Settings(database_url=url).sqlalchemy_url, check=False)
    store.migrate()
    cards = make_cards(units)
    with sink(store) as rows:
        filling = Filling(rows, cards, seed)
        filling.datasets(max(400, units // 50), max(100, units // 200))
        filling.networks(visualizations)
        for number, card in enumerate(cards[:SURVEYED], 1):
            survey(filling, number, card)
        filling.queue(max(100, units // 10))
        explained(filling, first=10_000_000, number=30)
        filling.links(max(100, units // 200))
    for number in range(1, len(cards) + 1):
        with store.transaction() as session:
            (denormalize_survey if number <= SURVEYED else recount_units)(session, network_id=number)
            store_measured(session, card=cards[number - 1])
    tidy(store)
    store.close()
    print(f"{sum(card.units for card in cards):,} units in {perf_counter() - started:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(dest="command", required=True)
    filling = commands.add_parser("fill", help="fill an empty database")
    filling.add_argument("--units", type=int, default=1_000_000)
    filling.add_argument("--visualizations", type=int, default=2_000_000)
    pages = commands.add_parser("pages", help="measure every kind of page")
    pages.add_argument("--requests", type=int, default=20, help="addresses of each kind")
    pages.add_argument("--rounds", type=int, default=3, help="times that each is asked for")
    pages.add_argument("--only", default="", help="kinds whose name holds this")
    pages.add_argument("--json", default="", help="file for the figures")
    for command in (filling, pages):
        command.add_argument("url", help="of the database, as KINETOSCOPE_DATABASE_URL takes it")
    options = parser.parse_args()
    if options.command == "fill":
        fill(options.url, options.units, options.visualizations, options.seed)
    else:
        measure(options.url, options.requests, options.rounds, options.only, options.json, options.seed)


if __name__ == "__main__":
    main()
