"""The start and the end of the application."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.contract.errors import DatabaseNotMigrated
from app.settings import Settings
from app.web.main import create_app
from tests.web.conftest import ORIGIN


def test_it_opens_the_database_of_the_settings(tmp_path: Path, sqlite_url: str) -> None:
    app = create_app(Settings(home=tmp_path, database_url=sqlite_url))
    with TestClient(app, base_url=ORIGIN) as client:
        assert client.get("/api/networks").json() == []


def test_it_does_not_start_on_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'new.db'}"))
    with pytest.raises(DatabaseNotMigrated, match="kinetoscope db upgrade"), TestClient(app):
        pass


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    paths = {path for path in described["paths"] if path.startswith("/api/")}
    assert paths == {
        "/api/health",
        "/api/sources",
        "/api/networks",
        "/api/networks/{network}",
        "/api/networks/{network}/directions",
        "/api/networks/{network}/units",
        "/api/networks/{network}/units.jsonl",
        "/api/networks/{network}/tally",
        "/api/networks/{network}/layers/{layer}/units/{unit}",
        "/api/visualizations",
        "/api/visualizations/{visualization_id}",
        "/api/jobs",
        "/api/jobs/{job_id}",
        "/api/jobs/{job_id}/order",
        "/api/jobs/{job_id}/retry",
        "/api/events",
        "/api/links",
        "/api/naming/sessions",
        "/api/naming/sessions/{session_id}",
        "/api/naming/sessions/{session_id}/next",
        "/api/naming/sessions/{session_id}/answers",
        "/api/naming/sessions/{session_id}/abandon",
        "/api/naming/sessions/{session_id}/verdicts",
        "/api/naming/report",
        "/api/naming/answers",
        "/api/surveys",
        "/api/clips",
        "/api/clips/{clip_id}",
        "/api/networks/{network}/confusion",
        "/api/networks/{network}/confusions",
        "/api/networks/{network}/findings",
        "/api/findings",
        "/api/networks/{network}/answers",
        "/api/networks/{network}/surveys",
        "/api/networks/{network}/survey",
        "/api/datasets/{dataset}/clips/{name}",
        "/api/datasets/{dataset}/clips",
        "/api/datasets/{dataset}",
        "/api/datasets",
    }
    for operations in described["paths"].values():
        for operation in operations.values():
            assert operation["summary"][0].isupper()
            assert {"400", "403", "503"} <= operation["responses"].keys()
            error = operation["responses"]["503"]["content"]["application/json"]["schema"]
            assert error == {"$ref": "#/components/schemas/ErrorBody"}
    assert "HTTPValidationError" not in described["components"]["schemas"]
