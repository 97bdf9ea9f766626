"""Who may change what: the token, and owners of jobs."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.contract.network import NetworkCard
from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from tests.support import enqueue
from tests.web.conftest import ORIGIN
from tests.web.middleware.conftest import ADMIN_TOKEN, ASK, FORM, PAGE, TOKEN, VIDEO, Serve
from tests.web.views.pagereader import PageReader

NAMING = "f" * 32  # id of a session of naming


def all_changes(job: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every request that changes something, with a body that is accepted."""
    return [
        ("POST", "/api/visualizations", {"json": ASK}),
        ("POST", "/api/surveys", {"json": {"network": "tiny", "dataset": "little"}}),
        ("POST", "/api/networks", {"json": {"source": "i3d"}}),
        ("POST", "/api/clips?network=tiny", {"content": VIDEO, "headers": {"Content-Type": "video/mp4"}}),
        ("POST", "/api/links", {"json": {"url": "/", "title": "t"}}),
        ("POST", "/api/naming/sessions", {"json": {"network": "tiny", "naive": True}}),
        *(
            ("POST", f"/api/naming/sessions/{NAMING}/{each}", {"json": {}})
            for each in ("answers", "abandon", "verdicts")
        ),
        ("DELETE", f"/api/jobs/{job}", {}),
        ("POST", f"/api/jobs/{job}/retry", {}),
        ("POST", f"/api/jobs/{job}/order", {"json": {"to": "first"}}),
        ("POST", "/-/visualize", {"data": FORM}),
        ("POST", "/-/visualize-anew", {"data": {"visualization": "1"}}),
        ("POST", "/tiny/-/visualize", {"data": {"u": "class/1"}}),
        ("POST", "/-/surveys", {"data": {"network": "tiny", "dataset": "little"}}),
        ("POST", "/-/networks", {"data": {"source": "i3d"}}),
        ("POST", "/-/networks", {"data": {"hub": "lab/net"}}),
        ("POST", "/-/clips", {"data": {"network": "tiny"}, "files": {"file": ("a.mp4", VIDEO)}}),
        ("POST", "/-/saved", {"data": {"url": "/", "title": "t"}}),
        ("POST", "/-/saved/none/forget", {}),
        ("POST", "/-/name-it", {"data": {"network": "tiny", "naive": "true"}}),
        *(("POST", f"/-/name-it/{NAMING}{each}", {"data": {}}) for each in ("", "/abandon", "/judge")),
        ("POST", f"/-/jobs/{job}/cancel", {}),
        ("POST", f"/-/jobs/{job}/retry", {}),
        ("POST", f"/-/jobs/{job}/order", {"data": {"to": "first"}}),
    ]


def test_the_list_of_changes_is_complete(serve: Serve) -> None:
    """An endpoint that is added must be added above."""
    client = serve()()
    paths = client.get("/api/openapi.json").json()["paths"]
    documented = {(method.upper(), path) for path, each in paths.items() for method in each if method != "get"}
    named = {
        (method, path.partition("?")[0].replace("/1", "/{job_id}").replace(NAMING, "{session_id}"))
        for method, path, _ in all_changes(1)
        if path.startswith("/api/")
    }
    assert named == documented


def test_every_change_needs_the_token_and_reading_does_not(serve: Serve, store: Store) -> None:
    [job] = enqueue(store, 0)
    make_client = serve(token=TOKEN)
    for number, (method, path, body) in enumerate(all_changes(job.id)):
        client = make_client(f"192.0.2.{number}")  # so many wrong tokens from one address are too many
        for authorization in (None, "Bearer wrong", "Bearer", f"Basic {TOKEN}", f"bearer {TOKEN}x", "Bearer é"):
            headers = {**body.get("headers", {}), **({"Authorization": authorization} if authorization else {})}
            sent = [(name.encode(), value.encode()) for name, value in headers.items()]
            answer = client.request(method, path, **{**body, "headers": sent})
            assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized"), (method, path, authorization)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get(f"/api/jobs/{job.id}").json()["state"] == "queued"
    for path in ("/", "/-/jobs", "/tiny/class/0", "/api/networks", "/-/feed.atom", "/-/docs", "/-/sign-in"):
        assert client.get(path).status_code == 200, path


def test_a_program_sends_the_token(serve: Serve) -> None:
    client = serve(token=TOKEN)(Authorization=f"Bearer {TOKEN}")
    assert client.post("/api/visualizations", json=ASK).status_code == 202


def test_a_browser_signs_in_and_out(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    make_client = serve(token=TOKEN, admin_token=ADMIN_TOKEN)
    browser = make_client(**PAGE)
    refused = browser.post("/-/visualize", data=FORM)
    assert refused.status_code == 401
    assert "/-/sign-in" in PageReader(refused.text).links
    page = PageReader(browser.get("/-/sign-in", headers={"Referer": f"{ORIGIN}/-/visualize"}).text)
    form = page.form("Sign in", having="token")
    assert form.fields["back"] == "/"  # a form posts there, and nothing can be opened
    page = PageReader(browser.get("/-/sign-in", headers={"Referer": f"{ORIGIN}/tiny/class/1?view=xy"}).text)
    form = page.form("Sign in", having="token")
    wrong = browser.post(form.action, data={**form.fields, "token": "guess"})
    assert wrong.status_code == 401
    assert "That is not the token." in wrong.text
    assert not browser.cookies
    right = browser.post(form.action, data={**form.fields, "token": TOKEN})
    assert (right.status_code, right.headers["location"]) == (303, "/tiny/class/1?view=xy")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert TOKEN not in cookie
    assert browser.post("/-/visualize", data=FORM).status_code == 303
    assert browser.post("/-/sign-out").status_code == 303
    assert browser.post("/-/visualize", data=FORM).status_code == 401
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("changed", ["9", "0", "x", "é"])
def test_a_cookie_that_was_made_up_is_none(serve: Serve, changed: str) -> None:
    browser = serve(token=TOKEN)(**PAGE)
    browser.post("/-/sign-in", data={"token": TOKEN})
    value = next(each.value for each in browser.cookies.jar) or ""
    expires, _, signature = value.partition(".")
    for made_up in (f"{changed}{expires[1:]}.{signature}", f"{expires}.{changed}{signature[1:]}", changed, "."):
        if made_up != value:
            answer = serve(token=TOKEN)(Origin=ORIGIN).post(
                "/-/visualize", data=FORM, headers=[(b"Cookie", f"kinetoscope_session={made_up}".encode())]
            )
            assert answer.status_code == 401, made_up
    assert serve(token=TOKEN + "2")(Cookie=f"kinetoscope_session={value}").post("/api/links").status_code == 401


def test_pages_offer_to_sign_in_in_place_of_buttons(serve: Serve, store: Store) -> None:
    enqueue(store, 0)
    browser = serve(token=TOKEN)(**PAGE)
    addresses = (
        "/tiny/class/0",
        "/tiny/class/1",
        "/tiny/-/visualize?q=wave",
        "/tiny/-/explain",
        "/-/jobs",
        "/-/jobs/1",
    )
    others = {"/-/theme", "/-/sign-in", "/-/sign-out", ""}
    for address in addresses:
        page = PageReader(browser.get(address).text)
        assert "/-/sign-in" in page.links, address
        buttons = [form for form in page.forms if form.method == "post" and form.action not in others]
        assert all(not form.button_text.strip() or "Estimate" in form.button_text for form in buttons), address
    browser.post("/-/sign-in", data={"token": TOKEN})
    page = PageReader(browser.get("/tiny/class/1").text)
    assert "Sign in" not in page.text
    assert page.form("Sign out").action == "/-/sign-out"


def test_nobody_signs_in_where_there_is_no_token(serve: Serve) -> None:
    browser = serve()(**PAGE)
    assert browser.get("/-/sign-in").status_code == browser.post("/-/sign-in", data={"token": ""}).status_code == 404
    assert "Sign in" not in browser.get("/").text


@pytest.mark.parametrize(
    ("origin", "is_secure"),
    [("https://lab.example", True), (ORIGIN, False), (None, True)],
    ids=["tls", "plain", "none"],
)
def test_cookies_that_are_set_over_tls_are_not_sent_without(serve: Serve, origin: str | None, is_secure: bool) -> None:
    """A proxy speaks TLS; people on the same machine may ask without."""
    browser = serve(token=TOKEN, public_url="https://lab.example")(**({"Origin": origin} if origin else {}))
    signed_in = browser.post("/-/sign-in", data={"token": TOKEN})
    asked = browser.post("/-/visualize", data=FORM, headers={"Authorization": f"Bearer {TOKEN}"})
    for answer in (signed_in, asked):
        assert answer.status_code == 303
        assert ("secure" in answer.headers["set-cookie"].lower().split("; ")) is is_secure


def test_only_who_asked_for_a_job_changes_it(serve: Serve) -> None:
    client = serve(public_url=ORIGIN, admin_token=ADMIN_TOKEN)
    mine, theirs = client("10.0.0.1", **PAGE), client("10.0.0.2", **PAGE)
    mine.post("/-/visualize", data=FORM)
    assert theirs.post("/-/visualize", data={**FORM, "units": "2"}).status_code == 303  # it has a cookie of its own
    job = 1
    for answer in (
        theirs.delete(f"/api/jobs/{job}"),
        theirs.post(f"/api/jobs/{job}/order", json={"to": "last"}),
        theirs.post(f"/-/jobs/{job}/cancel"),
        theirs.post(f"/-/jobs/{job}/cancel", data={"sweep": "1"}),
        theirs.post(f"/-/jobs/{job}/order", data={"to": "last"}),
    ):
        assert answer.status_code == 403
        assert "somebody else" in answer.text
    page = PageReader(theirs.get("/-/jobs").text)
    assert [form.action for form in page.forms if form.button_text == "Cancel"] == ["/-/jobs/2/cancel"]
    assert not [form for form in PageReader(theirs.get("/-/jobs/1").text).forms if form.action.startswith("/-/jobs/1")]
    assert mine.post(f"/api/jobs/{job}/order", json={"to": "first"}).status_code == 200
    assert mine.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"
    admin = client("10.0.0.3", Authorization=f"Bearer {ADMIN_TOKEN}")
    assert admin.delete("/api/jobs/2").status_code == 200


def test_a_program_owns_what_its_address_asked_for(serve: Serve) -> None:
    client = serve(public_url=ORIGIN)
    job = client("10.0.0.1").post("/api/visualizations", json=ASK).json()["jobs"][0]["href"]
    assert client("10.0.0.2").delete(job).status_code == 403
    assert client("10.0.0.2", Cookie=f"kinetoscope_owner={'a' * 32}").delete(job).status_code == 403
    assert client("10.0.0.1").delete(job).status_code == 200
    job = client("2001:db8::1").post("/api/visualizations", json=ASK).json()["jobs"][0]["href"]
    assert client("2001:db8::2").delete(job).status_code == 200  # the same customer


@pytest.mark.parametrize(("fields", "status"), [({}, 200), ({"public_url": ORIGIN}, 403), ({"host": "0.0.0.0"}, 403)])
def test_jobs_of_commands_are_anybody_s_on_one_s_own_machine(
    serve: Serve, store: Store, fields: dict[str, str], status: int
) -> None:
    [job] = enqueue(store, 0)
    client = serve(**fields)()
    assert client.delete(f"/api/jobs/{job.id}").status_code == status
    assert ("Cancel" in client.get(f"/-/jobs/{job.id}").text) is False or status == 200


def test_no_answer_tells_an_owner(serve: Serve) -> None:
    browser = serve()(**PAGE)
    browser.post("/-/visualize", data=FORM)
    owner = next(each.value for each in browser.cookies.jar) or "none"
    assert len(owner) == 32
    for path in ("/api/jobs", "/api/jobs/1", "/-/jobs", "/-/jobs/1", "/api/networks/tiny/layers/class/units/1"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert owner not in answer.text
        assert '"owner"' not in answer.text


def test_clients_behind_a_proxy_are_told_apart(tmp_path: Path, store: Store, network: NetworkCard) -> None:
    """As uvicorn does with the proxies of the settings; an address that a client makes up is not believed."""
    settings = Settings(home=tmp_path, public_url=ORIGIN, proxies="172.16.0.0/12, ::1")
    app = create_app(settings, store)
    behind_proxy = ProxyHeadersMiddleware(app, trusted_hosts=settings.proxies)  # type: ignore[arg-type]  # ASGI types

    def client(peer: str, forwarded_for: str) -> TestClient:
        served = TestClient(behind_proxy, base_url=ORIGIN, client=(peer, 1))  # type: ignore[arg-type]
        served.headers["X-Forwarded-For"] = forwarded_for
        return served

    with TestClient(app):
        job = client("172.18.0.1", "203.0.113.7").post("/api/visualizations", json=ASK).json()["jobs"][0]["href"]
        for peer, forwarded_for in (("172.18.0.1", "203.0.113.8"), ("172.18.0.1", "203.0.113.7, 203.0.113.8")):
            assert client(peer, forwarded_for).delete(job).status_code == 403
        assert client("203.0.113.8", "203.0.113.7").delete(job).status_code == 403  # no proxy of ours
        assert client("::1", "203.0.113.7").delete(job).status_code == 200
