"""A database and links that version 0.1 made go on working. When this fails, mend the code, not the files that
tests/data/version_0_1 holds; its README.md says what they are.
"""

import gzip
import hashlib
import io
import json
import math
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text

from app.contract.network import NetworkCard
from app.contract.recipe import Recipe
from app.settings import Settings
from app.store.database.engine import Store, open_store
from app.web.main import create_app
from tests.web.conftest import ORIGIN

DATA = Path(__file__).parent / "data" / "version_0_1"
ANYTHING = "(anything)"  # stands for prose, which may be worded anew

Entry = dict[str, Any]

# No worker of this database is alive: health tells it, where version 0.1 said "ok".
CHANGED: dict[str, Entry] = {"/api/health": {"status": "degraded"}}


def read(name: str) -> list[Entry]:
    """Read one of the files that version 0.1 left."""
    found: list[Entry] = json.loads((DATA / name).read_text())
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open the database as somebody does who moves to the newest version."""
    file = tmp_path / "kinetoscope.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(gzip.decompress((DATA / "database.sql.gz").read_bytes()).decode())
    store = open_store(f"sqlite:///{file}", check=False)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    """Ask the server for pages and data; follow no link by itself."""
    app = create_app(Settings(home=tmp_path, public_url="", host="127.0.0.1"), store)
    with TestClient(app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


def missing(then: Any, now: Any, where: str = "") -> Iterator[str]:
    """Say what an answer no longer holds, or holds with another value. What is new does not count."""
    if then == ANYTHING:
        if not now:
            yield f"{where} is empty"
    elif then is None and where.endswith("].evidence"):
        pass  # lines of units carry their evidence since version 0.1
    elif then is True and now is False and where.endswith("].supported"):
        pass  # findings of surveys without a null and a control are no longer called supported
    elif isinstance(then, dict) and isinstance(now, dict):
        for name, value in then.items():
            if name in now:
                yield from missing(value, now[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is gone"
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from missing(before, after, f"{where}[{number}]")
    elif isinstance(then, float) and isinstance(now, int | float):
        if not math.isclose(then, now, rel_tol=1e-9):
            yield f"{where} is {now}, not {then}"
    elif then != now:
        yield f"{where} is {now!r}, not {then!r}"


def target(answer: Response) -> str | None:
    """Find where an answer leads to: by its status, or as short links do."""
    refresh = answer.headers.get("refresh", "")
    return answer.headers.get("location") or refresh.removeprefix("0; url=") or None


def packed(data: bytes, entry: Entry) -> Entry:
    """Open an export; one that broke off holds nothing."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in entry["files"] if name in archive.namelist()]
        return {"files": names, "units": json.loads(archive.read("units.json"))}


def said(answer: Response, entry: Entry) -> Entry:
    """Take from an answer what the entry tells of the former one."""
    found: Entry = {"status": answer.status_code}
    if "leads_to" in entry:
        found["leads_to"] = target(answer)
    if answer.status_code != entry["status"]:
        return found
    if "body" in entry:
        found["body"] = answer.json()
    if "lines" in entry:
        found["lines"] = [json.loads(line) for line in answer.text.splitlines()]
    if "sha256" in entry:
        found["sha256"] = hashlib.sha256(answer.content).hexdigest()
    if "holds" in entry:
        found["holds"] = [part for part in entry["holds"] if part in answer.text]
    if "files" in entry:
        found |= packed(answer.content, entry)
    return found


def expected(entry: Entry) -> Entry:
    """Take from an entry what it tells of the answer, with what later versions say otherwise on purpose."""
    told = ("status", "leads_to", "body", "lines", "sha256", "holds", "files", "units")
    changed = CHANGED.get(entry["address"], {})
    return {name: entry[name] for name in told if name in entry} | (
        {"body": entry["body"] | changed} if changed else {}
    )


def follow(client: TestClient, entry: Entry) -> list[str]:
    """Ask for an address as a browser or a program does; say what is no longer there."""
    is_api = entry["address"].startswith("/api/")
    headers = {"Accept": "application/json" if is_api else "text/html"}
    if "cookie" in entry:
        headers["Cookie"] = entry["cookie"]
    answer = client.get(entry["address"], headers=headers)
    return list(missing(expected(entry), said(answer, entry), entry["address"]))


# The speed acts through J alone since, and the a_hat by which J divides is part of a recipe, on purpose: the same
# request asks for another recipe, which is not stored yet. This asks for the recipe of then, so that its key, its
# stored results and the numbers of jobs can be compared. What requests without it lead to is compared in
# test_requests_as_they_were_sent_ask_for_the_same.
MADE_BEFORE = {"time_weight": 1.0, "time_path": "smoothed", "survey_maxima": "unrecorded"}


def as_before(request: Entry) -> Entry:
    """Return a request for a visualization with the fields that ask for what version 0.1 made; others as they are."""
    return request | {"recipe": request.get("recipe", {}) | MADE_BEFORE} if "layer" in request else request


def form_as_before(entry: Entry) -> Entry:
    """Return the fields of a form, with those that ask for what version 0.1 made where it asks for visualizations."""
    is_visualize = entry["address"].endswith("/-/visualize")
    return {**entry["form"], **{name: str(value) for name, value in MADE_BEFORE.items() if is_visualize}}


def send(client: TestClient, entry: Entry) -> list[str]:
    """Send a request as a program or a form does; say what no longer comes of it."""
    if "json" in entry:
        answer = client.post(entry["address"], json=as_before(entry["json"]))
    else:
        answer = client.post(
            entry["address"], data=form_as_before(entry), headers={"Accept": "text/html", "Origin": ORIGIN}
        )
    where = f"{entry['address']} {entry.get('json') or entry.get('form')}"
    if answer.status_code == 422 and entry["status"] == 202 and "a fixed length" in answer.json()["detail"]:
        # Version 0.1 queued what its worker then refused. Another job takes the number, for those that follow.
        client.post(
            entry["address"], json=as_before(entry["json"] | {"recipe": entry["json"]["recipe"] | {"frames": 3}})
        )
        return []
    told, found = expected(entry), said(answer, entry)
    if leads_to_default(entry):  # the recipe of then is no default now: its key is in the address
        told["leads_to"], found["leads_to"] = (each["leads_to"].partition("?")[0] for each in (told, found))
    wrong = list(missing(told, found, where))
    if "made_by" not in entry or wrong:
        return wrong
    if "job" in entry:
        made = client.get(f"/api/jobs/{entry['job']}").json()
        return list(missing(entry["made_by"], made["recipe"], where))
    tickets = answer.json()
    made = client.get((tickets["cached"] or tickets["jobs"])[0]["href"]).json()
    if tickets["cached"] and made["recipe_key"] != entry["recipe_key"]:
        wrong.append(f"{where} is stored under {made['recipe_key']}")
    return [*wrong, *missing(entry["made_by"], made["recipe"], where)]


def leads_to_default(entry: Entry) -> bool:
    """Say whether a form led to the address of a recipe with defaults, which names its speed and seed alone."""
    return "?speed=" in str(entry.get("leads_to"))


def send_unchanged(client: TestClient, entry: Entry) -> list[str]:
    """Send a request for visualizations as it was; say where it leads, or what it asks for, that it did not then."""
    where = f"{entry['address']} {entry.get('json') or entry.get('form')}"
    if "form" in entry:
        answer = client.post(entry["address"], data=entry["form"], headers={"Accept": "text/html", "Origin": ORIGIN})
        return list(missing({"leads_to": entry["leads_to"]}, {"leads_to": target(answer)}, where))
    answer = client.post(entry["address"], json=entry["json"])
    if answer.status_code == 422 and "a fixed length" in answer.json()["detail"]:
        return []  # what cannot be computed is found only where it is stored, under the recipe of then
    if answer.status_code not in (200, 202):
        return [f"{where} is answered with {answer.status_code}"]
    tickets = answer.json()
    made = client.get((tickets["cached"] or tickets["jobs"])[0]["href"]).json()
    return list(missing(entry["made_by"], made["recipe"], where))


def test_links_lead_to_the_pages_they_led_to(client: TestClient) -> None:
    links = [entry for entry in read("links.json") if not entry["address"].startswith("/api/")]
    assert len(links) > 250
    wrong = [line for entry in links for line in follow(client, entry)]
    assert not wrong, "\n".join(wrong)


def test_the_api_answers_all_that_it_answered(client: TestClient) -> None:
    links = [entry for entry in read("links.json") if entry["address"].startswith("/api/")]
    assert len(links) > 200
    wrong = [line for entry in links for line in follow(client, entry)]
    assert not wrong, "\n".join(wrong)


def test_requests_by_the_old_names_find_what_they_found(client: TestClient) -> None:
    requests = read("requests.json")
    assert {200, 202, 303} <= {entry["status"] for entry in requests}
    wrong = [line for entry in requests for line in send(client, entry)]
    assert not wrong, "\n".join(wrong)


def test_requests_as_they_were_sent_ask_for_the_same(client: TestClient) -> None:
    """But for the a_hat, which is that of the newest survey now."""
    requests = [entry for entry in read("requests.json") if entry["status"] in (200, 202, 303)]
    forms = [entry for entry in requests if leads_to_default(entry)]
    asked = [entry for entry in requests if "layer" in entry.get("json", {}) and "made_by" in entry]
    assert forms
    assert asked
    wrong = [line for entry in (*forms, *asked) for line in send_unchanged(client, entry)]
    assert not wrong, "\n".join(wrong)


def test_recipes_keep_the_keys_of_their_results(store: Store) -> None:
    with store.session() as session:
        found = session.execute(text("SELECT slug, card FROM networks")).all()
    cards = {slug: NetworkCard.model_validate_json(card) for slug, card in found}
    for entry in read("recipe_keys.json"):
        recipe = Recipe.model_validate(entry["recipe"] | MADE_BEFORE).resolved(cards[entry["network"]])
        assert (recipe.key(), recipe.batch_key()) == (entry["key"], entry["batch_key"]), entry
