"""`kinetoscope export-bundle`, `import-bundle` and `imports`, as a person runs them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.settings import settings
from app.store.database.engine import Store

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Return a function that runs a command on a server, and returns what it says."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("LOGNAME", "anna")

    def run(store: Store, *words: str, status: int = 0) -> str:
        monkeypatch.setenv("KINETOSCOPE_DATABASE_URL", store.engine.url.render_as_string(hide_password=False))
        settings.cache_clear()
        result = CliRunner().invoke(app, [*words])
        assert result.exit_code == status, result.output
        return result.output

    yield run
    settings.cache_clear()


def test_a_bundle_goes_from_one_server_to_another(run: Run, origin: Store, small: Store, tmp_path: Path) -> None:
    file = str(tmp_path / "to berlin.bundle")
    said = run(
        origin, "export-bundle", file, "--classes", "--recipe", "speed=slow", "--with-survey", "--without", "raw"
    )
    assert re.search(r"to berlin.bundle: [\d,]+ bytes, sha256 [0-9a-f]{64}", said)
    assert "tiny: 3 results and its survey" in said
    assert re.search(r"[\d,]+ bytes of poster of clips", said)
    assert "Left out: 3 media `raw` of results." in said
    assert "Would import 3 results and the survey of tiny." in run(small, "import-bundle", file, "--dry-run")
    assert run(small, "imports") == ""
    assert "Imported 3 results and the survey of tiny." in run(small, "import-bundle", file)
    again = run(small, "import-bundle", file)
    assert "Imported 0 results of tiny; 3 are here already." in again
    assert re.search(r"UTC, anna: to berlin.bundle \([0-9a-f]{12}\), 3 results and 1 survey", run(small, "imports"))


def test_a_refusal_is_one_line(run: Run, origin: Store, small: Store, bundle: Path, tmp_path: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-10])
    said = run(small, "import-bundle", str(bundle), status=2)
    assert said.startswith("invalid_bundle: results.bundle is no bundle, or its end is missing.")
    said = run(origin, "export-bundle", str(bundle), "--max-bytes", "1000", status=2)
    assert said.startswith("too_large: The bundle would have")
