"""The large catalogue, made small: its rows fit the tables of either database, and every kind of page opens on them."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, ColumnExpressionArgument, func, select

from app.store.database.engine import open_store
from app.store.database.tables import ResultCountRow, UnitCountRow, UnitRow, VisualizationRow
from benchmarks.catalog import measure as measuring
from benchmarks.catalog.__main__ import fill


def test_rows_and_what_is_counted_of_them(database_url: str) -> None:
    fill(database_url, units=300, visualizations=600, seed=0)
    store = open_store(database_url)
    with store.session() as session:

        def count(what: ColumnElement[Any], *where: ColumnExpressionArgument[bool]) -> int:
            return int(session.scalar(select(what).where(*where)) or 0)

        assert count(func.count(VisualizationRow.id)) == 600
        assert count(func.sum(ResultCountRow.results)) == 600
        assert count(func.sum(UnitCountRow.visualizations)) == 600
        assert count(func.sum(UnitCountRow.units)) == count(func.count(UnitRow.id)) >= 300
        seen = count(func.count(UnitRow.id), UnitRow.visualized_at.is_not(None))
        assert count(func.sum(UnitCountRow.units), UnitCountRow.visualized) == seen
    store.close()


def test_every_kind_of_page_opens(sqlite_url: str, tmp_path: Path) -> None:
    fill(sqlite_url, units=300, visualizations=600, seed=0)
    figures = tmp_path / "figures.json"
    measuring.measure(sqlite_url, requests=1, rounds=1, only="", file=str(figures), seed=0, warm_up=0)
    found = json.loads(figures.read_text())
    assert len(found) > 100
    assert all(each["p50"] > 0 and each["kilobytes"] > 0 for each in found)
