"""Who may change what: the token, owners of jobs, and everybody's share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.contract.network import NetworkCard
from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from tests.support import claim, enqueue
from tests.web.conftest import ORIGIN
from tests.web.views.pagereader import PageReader

TOKEN, ADMIN_TOKEN = "let me in, please", "I am the administrator"
ASK = {"network": "tiny", "layer": "class", "units": [0]}
FORM = {"network": "tiny", "layer": "class", "units": "1"}
VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(400)
PAGE = {"Accept": "text/html", "Origin": ORIGIN}
Serve = Callable[..., Callable[..., TestClient]]


@pytest.fixture
def serve(tmp_path: Path, store: Store, network: NetworkCard) -> Iterator[Serve]:
    """Return a function that starts an application, and returns one that makes clients of it: each another browser."""
    with ExitStack() as stack:

        def start(**fields: Any) -> Callable[..., TestClient]:
            app = create_app(Settings(home=tmp_path, **{"public_url": "", "host": "127.0.0.1", **fields}), store)
            stack.enter_context(TestClient(app))  # its lifespan

            def client(address: str = "127.0.0.1", **headers: str) -> TestClient:
                return TestClient(
                    app,
                    base_url=ORIGIN,
                    headers=headers,
                    client=(address, 50000),
                    follow_redirects=False,
                    raise_server_exceptions=False,
                )

            return client

        yield start


def all_changes(job: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every request that changes something, with a body that is accepted."""
    return [
        ("POST", "/api/visualizations", {"json": ASK}),
        ("POST", "/api/surveys", {"json": {"network": "tiny", "dataset": "little"}}),
        ("POST", "/api/networks", {"json": {"source": "i3d"}}),
        ("POST", "/api/clips?network=tiny", {"content": VIDEO, "headers": {"Content-Type": "video/mp4"}}),
        ("POST", "/api/links", {"json": {"url": "/", "title": "t"}}),
        ("DELETE", f"/api/jobs/{job}", {}),
        ("POST", f"/api/jobs/{job}/retry", {}),
        ("POST", f"/api/jobs/{job}/order", {"json": {"to": "first"}}),
        ("POST", "/-/visualize", {"data": FORM}),
        ("POST", "/tiny/-/visualize", {"data": {"u": "class/1"}}),
        ("POST", "/-/surveys", {"data": {"network": "tiny", "dataset": "little"}}),
        ("POST", "/-/networks", {"data": {"source": "i3d"}}),
        ("POST", "/-/networks", {"data": {"hub": "lab/net"}}),
        ("POST", "/-/clips", {"data": {"network": "tiny"}, "files": {"file": ("a.mp4", VIDEO)}}),
        ("POST", "/-/saved", {"data": {"url": "/", "title": "t"}}),
        ("POST", "/-/saved/none/forget", {}),
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
        (method, path.partition("?")[0].replace("/1", "/{job_id}"))
        for method, path, _ in all_changes(1)
        if path.startswith("/api/")
    }
    assert named == documented


def test_every_change_needs_the_token_and_reading_does_not(serve: Serve, store: Store) -> None:
    [job] = enqueue(store, 0)
    client = serve(token=TOKEN)()
    for method, path, body in all_changes(job.id):
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


def until_refused(ask: Callable[[], httpx2.Response]) -> list[int]:
    """Ask until it was too often, and return the statuses before: the slower the machine, the more there are."""
    statuses: list[int] = []
    for _ in range(1000):
        answer = ask()
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
            assert "too_many" in answer.text or "too many" in answer.text
            return statuses
        statuses.append(answer.status_code)
    raise AssertionError("it was never too often")


def test_wrong_tokens_are_counted(serve: Serve) -> None:
    browser = serve(token=TOKEN)()
    statuses = until_refused(lambda: browser.post("/-/sign-in", data={"token": "guess"}))
    assert len(statuses) >= 100
    assert set(statuses) == {401}


def test_tokens_cannot_be_guessed_by_sending_many(serve: Serve) -> None:
    make_client = serve(token=TOKEN, admin_token=ADMIN_TOKEN)
    guessing, right = make_client(Authorization="Bearer guess"), make_client(Authorization=f"Bearer {TOKEN}")

    def guess_and_ask() -> httpx2.Response:
        assert guessing.post("/-/theme", data={"theme": "none"}).status_code in (422, 429)
        return right.post("/api/visualizations", json=ASK)

    assert len(until_refused(guess_and_ask)) >= 99  # the right token is then refused too, as the answer would tell it
    assert right.get("/api/jobs").status_code == guessing.get("/-/jobs").status_code == 200
    reader = make_client(Authorization=f"Bearer {ADMIN_TOKEN}", Accept="text/html")
    assert "Sign out" not in reader.get("/").text  # nor does a page tell


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


def test_live_jobs_have_limits_for_each_person_and_address(serve: Serve, store: Store) -> None:
    client = serve(owner_jobs=2)
    browser = client(**PAGE)
    assert browser.post("/tiny/-/visualize", data={"u": ["fc6/0", "fc6/1"]}).status_code == 303
    refused = browser.post("/-/visualize", data=FORM)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert "more than 2 jobs of yours" in refused.text
    assert client().get("/api/jobs").json()["total"] == 2  # a refusal leaves nothing
    many = {"network": "clips", "layer": "Mixed_4f", "units": list(range(19))}
    assert client().post("/api/visualizations", json=many).status_code == 429  # 21 of the same address
    assert client().post("/api/visualizations", json={**many, "units": list(range(18))}).status_code == 202
    assert client("10.0.0.2").post("/api/visualizations", json=ASK).status_code == 202
    claim(store, limit=2)


def test_uploads_that_wait_have_limits(serve: Serve) -> None:
    client = serve(owner_uploads=1, upload_limit=2_000)

    def send(browser: TestClient, mark: bytes, size: int = 400) -> int:
        data = VIDEO[:12] + mark + bytes(size)
        files = {"file": ("a.mp4", data, "video/mp4")}
        return browser.post("/-/clips", data={"network": "tiny"}, files=files).status_code

    first, second = client(**PAGE), client(**PAGE)
    assert [send(first, b"1"), send(first, b"1"), send(first, b"2")] == [303, 303, 429]  # the same clip is one job
    assert send(second, b"3") == 303
    assert send(client("10.0.0.2", **PAGE), b"4", size=1500) == 429  # the bytes of all together
    assert first.delete("/api/jobs/1").status_code == 200
    assert send(first, b"2") == 303


def test_requests_have_limits_and_reading_has_none(serve: Serve) -> None:
    client = serve(owner_rate=3, admin_token=ADMIN_TOKEN)
    browser = client(**PAGE)
    browser.cookies.set("kinetoscope_owner", "a" * 32)
    link = {"url": "/", "title": "t"}
    assert len(until_refused(lambda: browser.post("/api/links", json=link))) >= 3
    assert [browser.get("/-/jobs").status_code for _ in range(40)] == [200] * 40
    archives = until_refused(lambda: client().get("/tiny/-/export?u=class/0"))
    assert len(archives) >= 3
    assert set(archives) == {200}
    assert client("10.0.0.2").get("/api/networks/tiny/units.jsonl").status_code == 200
    assert len(until_refused(lambda: client().post("/api/links", json=link))) >= 27  # ten people, less those above
    admin = client(Authorization=f"Bearer {ADMIN_TOKEN}")
    assert admin.post("/api/links", json=link).status_code == 200


def test_one_s_own_machine_has_no_limits_for_one_person(serve: Serve) -> None:
    client = serve()()
    assert {client.post("/api/links", json={"url": "/", "title": "t"}).status_code for _ in range(150)} == {200}


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
