"""The places that CONTRIBUTING.md names for each task exist."""

import re

import pytest

from app.settings import ROOT

ROWS = re.findall(r"^\| (?!I want)([a-z]+) (.+?) \| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)


def test_there_are_twenty_tasks_or_more() -> None:
    assert len(ROWS) >= 20


@pytest.mark.parametrize(("verb", "task", "places"), ROWS, ids=lambda text: text if len(text) < 60 else "")
def test_every_place_of_a_task_exists(verb: str, task: str, places: str) -> None:
    named = re.findall(r"`([^`]+)`", places)
    assert 1 <= len(named) <= 3
    for place in named:
        path, _, name = place.partition(":")
        assert (ROOT / path).exists(), path
        if name:
            defined = rf"^(class|def) {name}\b|^{name}\b ?[:=]"
            assert re.search(defined, (ROOT / path).read_text(), re.MULTILINE), place
