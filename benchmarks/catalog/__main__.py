"""Measure how long the server takes for each kind of page, with a million units and two million visualizations.

    python -m benchmarks.catalog fill sqlite:///catalog.db
    python -m benchmarks.catalog pages sqlite:///catalog.db

The address may be that of an empty PostgreSQL database, too. `fill` takes minutes and makes some gigabytes, fewer with
`--units` and `--visualizations`. `pages` asks the application for every kind of page, each request for other units, and
prints the milliseconds from the request to the last byte of the answer, compressed as browsers ask for it, within the
server's process and without its socket. Each address is asked for in several rounds; the quiet percentile takes the
fastest, so that other work of the machine does not count; so does that of the CPU time.
"""

import argparse
from time import perf_counter

from app.settings import Settings
from app.store.catalog.counts import recount_units
from app.store.catalog.survey_columns import denormalize_survey
from app.store.database.engine import open_store
from app.store.surveys.findings import store_statistics
from app.web.serving.server import tune_garbage_collection
from benchmarks.catalog.evidence import add_explanations, add_survey
from benchmarks.catalog.fill import CatalogueFiller
from benchmarks.catalog.measure import measure
from benchmarks.catalog.networks import make_cards
from benchmarks.catalog.sink import open_sink, vacuum

SURVEYED_NETWORKS = 8


def fill(url: str, units: int, visualizations: int, seed: int) -> None:
    """Fill the empty database at an address; the same numbers give the same rows."""
    started = perf_counter()
    store = open_store(Settings(database_url=url).sqlalchemy_url, check=False)
    store.migrate()
    cards = make_cards(units)
    with open_sink(store) as sink:
        catalogue = CatalogueFiller(sink, cards, seed)
        catalogue.add_datasets(max(400, units // 50), max(100, units // 200))
        catalogue.add_networks(visualizations)
        for number, card in enumerate(cards[:SURVEYED_NETWORKS], 1):
            add_survey(catalogue, number, card)
        catalogue.add_jobs(max(100, units // 10))
        add_explanations(catalogue, first=10_000_000, number=30)
        catalogue.add_links(max(100, units // 200))
    for number in range(1, len(cards) + 1):
        with store.transaction() as session:
            (denormalize_survey if number <= SURVEYED_NETWORKS else recount_units)(session, network_id=number)
            store_statistics(session, card=cards[number - 1])
    vacuum(store)
    store.close()
    print(f"{sum(card.units for card in cards):,} units in {perf_counter() - started:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(dest="command", required=True)
    fill_command = commands.add_parser("fill", help="fill an empty database")
    fill_command.add_argument("--units", type=int, default=1_000_000)
    fill_command.add_argument("--visualizations", type=int, default=2_000_000)
    pages_command = commands.add_parser("pages", help="measure every kind of page")
    pages_command.add_argument("--requests", type=int, default=20, help="addresses of each kind")
    pages_command.add_argument("--rounds", type=int, default=3, help="times that each is asked for")
    pages_command.add_argument("--only", default="", help="kinds whose name holds this")
    pages_command.add_argument("--json", default="", help="file for the figures")
    for command in (fill_command, pages_command):
        command.add_argument("url", help="of the database, as KINETOSCOPE_DATABASE_URL takes it")
    options = parser.parse_args()
    if options.command == "fill":
        fill(options.url, options.units, options.visualizations, options.seed)
    else:
        tune_garbage_collection()
        measure(options.url, options.requests, options.rounds, options.only, options.json, options.seed)


if __name__ == "__main__":
    main()
