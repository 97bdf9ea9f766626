"""The whole API against its OpenAPI document: every answer to any request is a documented one."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, CheckFunction
from schemathesis.core.result import Ok

from app.contract.network import NetworkCard
from app.contract.result import Visualization
from app.settings import Settings
from app.store.database.engine import Store, open_store
from app.web.main import create_app


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Run on both databases, which differ in the values that they cannot store."""
    store = open_store(database_url)
    yield store
    store.close()


@pytest.fixture
def schema(
    settings: Settings, store: Store, network: NetworkCard, visualization: Visualization
) -> schemathesis.schemas.BaseSchema:
    app = create_app(settings.model_copy(update={"allowed_hosts": "*"}), store)  # to be called any host
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_one_that_is_documented(
    schema: schemathesis.schemas.BaseSchema, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    checks = cast("list[CheckFunction]", CHECKS.get_by_names(NAMES))
    for result in schema.exclude(path="/api/events").get_all_operations():  # that one never ends
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Case[Any]) -> None:
            case.call_and_validate(checks=checks)

        with subtests.test(operation.label), suppress(Unsatisfiable):  # nothing of it can be wrong
            check()


def test_a_text_that_one_database_cannot_hold(client: TestClient) -> None:
    answer = client.post("/api/visualizations", json={"network": "a\u0000b", "layer": "x", "units": [0]})
    assert answer.status_code in (404, 422)
    assert answer.json()["error"] in ("unknown_network", "invalid_request")
