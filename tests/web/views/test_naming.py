"""Pages of naming by people: what they show, what they hide, and what they say of wrong input."""

import csv
import html
import io
import json
import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from app.contract.naming import NamingTrial
from app.contract.network import NetworkCard
from app.store.database.engine import Store
from app.store.naming import trials
from tests.support import add_card, encoder_card, two_stream_card
from tests.web.conftest import ORIGIN
from tests.web.named_stimuli import store_stimuli
from tests.web.views.conftest import Open
from tests.web.views.pagereader import PageReader
from tests.web.views.test_templates import check

SESSION = re.compile("^/-/name-it/([0-9a-f]{32})$")
FORM = {"network": "tiny", "naive": "true", "trials": "5", "controls": "0"}
Start = Callable[..., str]


@pytest.fixture
def start(store: Store, visitor: TestClient, network: NetworkCard) -> Start:
    """Return a function that stores stimuli, starts a session by the form, and returns its id."""
    store_stimuli(store)

    def start_(**fields: str) -> str:
        answer = visitor.post("/-/name-it", data={**FORM, **fields})
        assert answer.status_code == 303, answer.text
        match = SESSION.match(answer.headers["location"])
        assert match
        return match[1]

    return start_


def trial_of(store: Store, session_id: str, number: int) -> NamingTrial:
    with store.session() as session:
        return trials.get_trial(session, session_id=session_id, number=number)


def name_of(store: Store, network: NetworkCard, session_id: str, number: int) -> str:
    return network.classes[trial_of(store, session_id, number).class_index]


def media_of(page: PageReader) -> list[str]:
    [player] = page.all("stimulus-player")
    return [player[name] for name in ("appearance", "flow", "sheet") if name in player]


def test_a_person_names_stimuli_from_start_to_result(
    store: Store, network: NetworkCard, start: Start, visitor: TestClient, open_page: Open
) -> None:
    page = open_page("/-/name-it?network=tiny")
    assert "5 stimuli of 5 of its 5 classes are stored" in " ".join(page.text.split())
    assert page.form("Start").fields["network"] == "tiny"
    session = start()
    for number in range(1, 6):
        page = open_page(f"/-/name-it/{session}")
        check(page)
        assert f"Trial {number} of 5" in page.text
        form = page.form("Answer")
        assert form.fields["trial"] == str(number)
        chosen = {"name": name_of(store, network, session, number)} if number < 4 else {"cannot": "1"}
        assert visitor.post(form.action, data={**form.fields, **chosen}).status_code == 303
    page = open_page(f"/-/name-it/{session}")
    check(page)
    text = " ".join(page.text.split())
    assert "You named 3 of 5 stimuli: 60.0% (95% interval 23.1% to 88.2%). Chance is 20.0%." in text
    assert "I cannot name it" in text
    assert f"/-/name-it/{session}" in open_page("/-/name-it").links


@pytest.mark.parametrize("answers", ["list", "free"])
@pytest.mark.parametrize("controls", ["0", "0.5"])
def test_a_trial_tells_nothing_of_what_it_shows(
    store: Store, network: NetworkCard, start: Start, visitor: TestClient, answers: str, controls: str
) -> None:
    session = start(answers=answers, controls=controls, trials="4")
    for number in range(1, 5):
        trial = trial_of(store, session, number)
        answer = visitor.get(f"/-/name-it/{session}")
        name = network.classes[trial.class_index]
        told = html.unescape(answer.text) + str(answer.headers)
        counts = {told.count(f'value="{each}"') for each in network.classes}
        assert counts == ({1} if answers == "list" else {0})
        if answers == "free":
            assert name not in told
        secrets = ["/-/media/", "/tiny/class", "recipe", trial.recipe_key[:6], "seed", "og:image", "visualization"]
        assert [each for each in secrets if each in told] == []
        for address in [*media_of(PageReader(answer.text)), *re.findall(r'<img src="([^"]+)"', answer.text)]:
            if address.startswith("/-/assets/"):
                continue
            assert re.fullmatch(rf"/-/name-it/{session}/{number}/[a-z_]+", address)
            medium = visitor.get(address)
            assert (medium.status_code, medium.headers["content-type"]) == (200, "image/webp")
            assert medium.headers["cache-control"] == "no-store"
            assert not {"etag", "content-disposition", "last-modified", "link"} & medium.headers.keys()
            assert trial.recipe_key[:6] not in str(medium.headers)
        visitor.post(f"/-/name-it/{session}", data={"trial": str(number), "cannot": "1"})


def test_pictures_are_there_until_their_trial_is_answered(start: Start, visitor: TestClient, open_page: Open) -> None:
    session = start()
    first, *_ = media_of(open_page(f"/-/name-it/{session}"))
    assert visitor.get(first.replace("/1/", "/2/")).status_code == 404
    visitor.post(f"/-/name-it/{session}", data={"trial": "1", "cannot": "1"})
    gone = visitor.get(first)
    assert gone.status_code == 404
    assert "there until it was answered" in gone.text


@pytest.mark.parametrize(
    ("shown", "roles"),
    [
        ("all", {"appearance", "flow", "flow_direction"}),
        ("both", {"appearance", "flow", "flow_direction"}),
        ("picture", {"appearance"}),
        ("flow", {"flow", "flow_direction"}),
    ],
)
def test_only_what_was_chosen_is_shown(start: Start, visitor: TestClient, shown: str, roles: set[str]) -> None:
    session = start(shown=shown)
    page = visitor.get(f"/-/name-it/{session}").text
    assert set(re.findall(rf"/-/name-it/{session}/1/([a-z_]+)", page)) == roles
    other_colours = visitor.get(f"/-/name-it/{session}?view=xy").text
    assert ("/1/flow_xy" in other_colours) == ("flow" in roles)
    assert ("warped" in page) == (shown == "all")
    others = {"appearance", "flow", "flow_direction", "loop", "poster", "raw"} - roles
    assert {visitor.get(f"/-/name-it/{session}/1/{role}").status_code for role in others} == {404}


def test_controls_are_noise_of_another_stimulus_and_the_same_each_time(
    store: Store, start: Start, visitor: TestClient
) -> None:
    session = start(controls="0.5", trials="4")
    drawn = []
    for number in range(1, 5):
        trial = trial_of(store, session, number)
        visitor.get(f"/-/name-it/{session}")  # which draws ahead
        first, again = (visitor.get(f"/-/name-it/{session}/{number}/appearance").content for _ in range(2))
        assert first == again
        drawn.append((trial.class_index, trial.is_control, first))
        visitor.post(f"/-/name-it/{session}", data={"trial": str(number), "cannot": "1"})
    stimuli = {index: data for index, is_control, data in drawn if not is_control}
    controls = {index: data for index, is_control, data in drawn if is_control}
    assert len(controls) == 2
    assert controls.keys() <= stimuli.keys()
    assert all(data != stimuli[index] for index, data in controls.items())


def test_an_answer_is_told_at_once_where_that_was_chosen(
    store: Store, network: NetworkCard, start: Start, visitor: TestClient, open_page: Open
) -> None:
    session = start(feedback="true")
    name = name_of(store, network, session, 1)
    visitor.post(f"/-/name-it/{session}", data={"trial": "1", "name": name})
    assert f"right, {name}" in " ".join(open_page(f"/-/name-it/{session}").text.split())
    silent = start(seeds="0")
    visitor.post(f"/-/name-it/{silent}", data={"trial": "1", "cannot": "1"})
    assert "Trial 1:" not in open_page(f"/-/name-it/{silent}").text


def test_free_words_are_judged_before_the_result_is_told(
    store: Store, network: NetworkCard, start: Start, visitor: TestClient, open_page: Open
) -> None:
    session = start(answers="free", trials="2", controls="0.5")
    for number in (1, 2):
        visitor.post(f"/-/name-it/{session}", data={"trial": str(number), "words": "a <b>shape</b>"})
    page = open_page(f"/-/name-it/{session}")
    check(page)
    text = " ".join(page.text.split())
    assert "You wrote “a <b>shape</b>”; it was" in text
    assert "control" not in text
    assert visitor.post(f"/-/name-it/{session}/judge", data={}).status_code == 422
    assert visitor.post(f"/-/name-it/{session}/judge", data={"1": "right", "2": "wrong"}).status_code == 303
    judged = " ".join(open_page(f"/-/name-it/{session}").text.split())
    assert "a control, made from" in judged
    assert visitor.post(f"/-/name-it/{session}/judge", data={"1": "wrong"}).status_code == 409


def test_a_session_is_left_and_taken_up_again_or_abandoned(start: Start, visitor: TestClient, open_page: Open) -> None:
    session = start()
    visitor.post(f"/-/name-it/{session}", data={"trial": "1", "cannot": "1"})
    assert "1 of 5" in open_page("/-/name-it").text
    page = open_page(f"/-/name-it/{session}")
    assert "Trial 2 of 5" in page.text
    assert visitor.post(page.form("Abandon").action).status_code == 303
    assert "Your abandoned session" in open_page(f"/-/name-it/{session}").text
    assert visitor.post(f"/-/name-it/{session}", data={"trial": "2", "cannot": "1"}).status_code == 409


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"trial": "1"}, 422, "press &#34;I cannot name it&#34;"),
        ({"trial": "1", "words": "  "}, 422, "press &#34;I cannot name it&#34;"),
        ({"trial": "1", "name": "walking"}, 404, "There is no class &#39;walking&#39;. Near: walk."),
        ({"trial": "2", "cannot": "1"}, 409, "answer trial 1 first"),
        ({"trial": "x", "cannot": "1"}, 422, "trial should be a valid integer"),
        ({"trial": "1", "words": "walk"}, 422, "chosen from the list"),
        ({"trial": "1", "words": "x" * 201}, 422, "at most 200 characters"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(
    start: Start, visitor: TestClient, data: dict[str, str], status: int, words: str
) -> None:
    answer = visitor.post(f"/-/name-it/{start()}", data=data)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_an_answer_cannot_be_given_twice(start: Start, visitor: TestClient) -> None:
    session = start()
    visitor.post(f"/-/name-it/{session}", data={"trial": "1", "cannot": "1"})
    again = visitor.post(f"/-/name-it/{session}", data={"trial": "1", "name": "walk"})
    assert again.status_code == 409
    assert "Trial 1 has been answered. An answer cannot be changed." in again.text


def test_networks_without_stimuli_or_classes_and_unknown_sessions(
    store: Store, start: Start, visitor: TestClient, open_page: Open
) -> None:
    add_card(store, two_stream_card("empty"))
    add_card(store, encoder_card())
    page = open_page("/-/name-it?network=empty")
    assert "only stored stimuli can be named" in page.text
    assert "/empty/-/visualize?layer=class" in page.links
    for form, status, words in (
        ({"network": "empty"}, 404, "No class of Two-stream empty has a stimulus"),
        ({"network": "encoder"}, 404, "encoder has no classes"),
        ({"network": "nowhere"}, 404, "There is no network"),
        ({"trials": "501"}, 422, "trials should be less than or equal to 500"),
        ({"seeds": "a"}, 422, "write seeds as 0-3, 7"),
        ({"naive": ""}, 422, "naive is missing"),
    ):
        answer = visitor.post("/-/name-it", data={**FORM, **form})
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    encoder = visitor.get("/-/name-it?network=encoder")
    assert (encoder.status_code, "has no classes" in encoder.text) == (404, True)
    unknown = visitor.get(f"/-/name-it/{'0' * 32}")
    assert (unknown.status_code, "There is no session" in unknown.text) == (404, True)


def test_a_clip_is_shown_whole(store: Store, network: NetworkCard, visitor: TestClient) -> None:
    refused = visitor.post("/-/name-it", data={**FORM, "network": "clips", "shown": "picture"})
    assert (refused.status_code, "is one moving picture" in refused.text) == (422, True)
    store_stimuli(store, classes=range(3), network="clips")
    started = visitor.post("/-/name-it", data={**FORM, "network": "clips", "trials": "2", "controls": "0.5"})
    address = started.headers["location"]
    for number in (1, 2):
        page = visitor.get(address).text
        assert set(re.findall(rf"{address}/{number}/([a-z_]+)", page)) == {"sheet", "loop"}
        for role in ("sheet", "loop"):
            picture = Image.open(io.BytesIO(visitor.get(f"{address}/{number}/{role}").content))
            assert picture.size == ((96, 32) if role == "sheet" else (32, 32))
        visitor.post(address, data={"trial": str(number), "cannot": "1"})


def test_a_session_is_its_owners_alone(app: FastAPI, start: Start) -> None:
    session = start()
    with TestClient(app, base_url=ORIGIN, headers={"Accept": "text/html", "Origin": ORIGIN}) as other:
        other.cookies.set("kinetoscope_owner", "e" * 32)
        for answer in (
            other.get(f"/-/name-it/{session}"),
            other.get(f"/-/name-it/{session}/1/appearance"),
            other.post(f"/-/name-it/{session}", data={"trial": "1", "cannot": "1"}),
            other.post(f"/-/name-it/{session}/abandon"),
            other.post(f"/-/name-it/{session}/judge", data={"1": "right"}),
        ):
            assert (answer.status_code, "somebody else" in answer.text) == (403, True)


def test_the_report_and_its_exports(
    store: Store, network: NetworkCard, start: Start, visitor: TestClient, open_page: Open
) -> None:
    assert "Nobody has finished" in open_page("/-/name-it/report").text
    session = start(controls="0.2")
    for number in range(1, 6):
        name = name_of(store, network, session, number)
        visitor.post(f"/-/name-it/{session}", data={"trial": str(number), "name": name, "seconds": "0"})
    start()  # an open session: its answers do not count yet
    report = open_page("/-/name-it/report?network=tiny&shown=&answers=list&naive=0")
    check(report)
    text = " ".join(report.text.split())
    for words in ("By network", "By class", "By recipe", "By seed", "4 of 4", "1 of 1", "20.0%"):
        assert words in text, words
    overview = open_page("/-/name-it/report")
    assert "/-/name-it/report?network=tiny" in overview.links
    assert "By class" not in overview.text
    table = visitor.get("/-/name-it/report?network=tiny&export=csv")
    assert table.headers["content-disposition"] == 'attachment; filename="naming.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    exported = json.loads(visitor.get("/-/name-it/report?export=json").text)
    assert len(rows) == len(exported) == 5
    assert {row["person"] for row in rows} == {"1"}
    assert {row["counts"] for row in rows} == {"True"}
    assert sum(row["is_control"] == "True" for row in rows) == 1
    assert exported[0]["taken_for"] == exported[0]["class_name"]
    assert len(exported[0]["recipe_key"]) == 64
    owner = visitor.cookies["kinetoscope_owner"]
    assert owner not in table.text
    assert "Nobody has finished" in open_page("/-/name-it/report?shown=picture").text


def test_pages_lead_there(open_page: Open, network: NetworkCard) -> None:
    assert "/-/name-it?network=tiny" in open_page("/tiny").links
    check(open_page("/-/name-it"))
    check(open_page("/-/name-it/report"))
