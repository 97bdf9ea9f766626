"""Networks of a hub, fetched by huggingface_hub from a server on this machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.contract.errors import ChecksumMismatch, DownloadFailed, InvalidRequest, TooLarge
from app.contract.network import Origin
from app.settings import settings
from benchmarks.architectures.video_transformers import save, save_encoder
from tests.worker.conftest import Invoke
from tests.worker.sources.local_hub import COMMIT, LocalHub, serving
from worker.sources.fetch import fetch_from_hub
from worker.sources.hub import Hub, HubNetwork, is_hub_id

ID = "lab/Tiny-MAE"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save("videomae", tmp_path_factory.mktemp("hub") / "net", shards=True)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling.py").write_text("raise SystemExit('run!')")
    (folder / "README.md").write_text("about it")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, saved: Path) -> Iterator[LocalHub]:
    monkeypatch.setenv("KINETOSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    settings.cache_clear()
    with serving(LocalHub()) as local:
        local.publish(ID, saved)
        monkeypatch.setenv("HF_ENDPOINT", local.address)
        yield local
    settings.cache_clear()


def change_config(hub: LocalHub, **changes: object) -> None:
    files = hub.repositories[ID]
    files["config.json"] = json.dumps(json.loads(files["config.json"]) | changes).encode()


def test_configs_and_safetensors_are_fetched_at_one_revision_and_nothing_else(hub: LocalHub, tmp_path: Path) -> None:
    found: list[HubNetwork] = []
    seen: list[tuple[int, int]] = []
    traced: list[int] = []
    card, _ = fetch_from_hub(
        ID,
        on_found=found.append,
        observe=lambda done, total: seen.append((done, total)),
        on_trace=lambda: traced.append(len(seen)),
    )
    assert (card.slug, card.title, card.classes) == ("tiny-mae", ID, ("hop", "skip", "jump"))
    assert card.origin == Origin(kind="hub", name=ID, revision=COMMIT, licence="cc-by-nc-4.0")
    assert seen == sorted(seen)
    assert seen[-1] == (found[0].size, found[0].size)
    assert traced == [len(seen)]
    assert not [line for line in hub.requests if ".bin" in line or ".py" in line or "README" in line]
    assert all(COMMIT in line for line in hub.requests[1:]), "the branch may move meanwhile"
    assert {*hub.tokens} == {"Bearer hf_secret"}
    assert list((tmp_path / "sources" / "hub").iterdir()) == [], "the database has it"


def test_what_is_there_already_is_not_fetched_again(hub: LocalHub) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_from_hub(ID, on_trace=stop)
    hub.requests.clear()
    fetch_from_hub(ID)
    assert not [line for line in hub.requests if line.startswith("GET") and "safetensors" in line]


def test_whoever_stops_it_ends_the_download(hub: LocalHub) -> None:
    def stop(done: int, total: int) -> None:
        raise TimeoutError("stopped by a person")

    with pytest.raises(TimeoutError, match="stopped by a person"):
        fetch_from_hub(ID, observe=stop)


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("lab/none", None, "has no network lab/none, or it is private"),
        (
            "lab/gated",
            (403, "GatedRepo"),
            "gated: its owner wants terms to be accepted.*HF_TOKEN.*hf download lab/gated",
        ),
        ("lab/old", (404, "RevisionNotFound"), "has no such revision"),
    ],
)
def test_a_repository_that_is_not_given_says_what_to_do(
    hub: LocalHub, id: str, answer: tuple[int, str] | None, words: str
) -> None:
    if answer:
        hub.errors[id] = answer
    with pytest.raises(InvalidRequest, match=words):
        Hub().find(id)


def test_a_hub_that_cannot_be_reached_says_what_to_download_and_where_to_put_it(hub: LocalHub) -> None:
    hub.errors[ID] = (500, "")
    for address in ("http://127.0.0.1:9", hub.address):
        with pytest.raises(
            DownloadFailed, match=r"hf download lab/Tiny-MAE --local-dir Tiny-MAE`, then .*networks add"
        ):
            Hub(address).find(ID)


def test_remote_code_and_unknown_networks_are_refused_before_the_weights_are_fetched(hub: LocalHub) -> None:
    change_config(hub, auto_map={"AutoModel": "modeling.Model"})
    with pytest.raises(InvalidRequest, match="not run here"):
        fetch_from_hub(ID)
    change_config(hub, auto_map=None, model_type="bert")
    hub.repositories[ID]["config.json"] = hub.repositories[ID]["config.json"].replace(b'"auto_map": null', b'"a": 0')
    with pytest.raises(InvalidRequest, match="no architecture that is known here"):
        fetch_from_hub(ID)
    assert not [line for line in hub.requests if "safetensors" in line]


def test_pickles_alone_missing_configs_and_too_many_bytes_are_told(hub: LocalHub) -> None:
    with pytest.raises(TooLarge, match=r"network of 0 GB in 200 files at most"):
        Hub(max_bytes=1000).find(ID)
    files = hub.repositories[ID]
    hub.repositories[ID] = {name: data for name, data in files.items() if "safetensors" not in name}
    with pytest.raises(InvalidRequest, match=r"only pytorch_model\.bin, a format that can run code"):
        Hub().find(ID)
    del hub.repositories[ID]["preprocessor_config.json"]
    with pytest.raises(InvalidRequest, match="lacks the processor's config"):
        Hub().find(ID)
    del hub.repositories[ID]["config.json"]
    with pytest.raises(InvalidRequest, match=r"has no config\.json"):
        Hub().find(ID)


def test_a_file_with_another_checksum_is_deleted(hub: LocalHub, tmp_path: Path) -> None:
    name = next(name for name in hub.repositories[ID] if name.endswith(".safetensors"))
    hub.promised[name] = "0" * 64
    with pytest.raises(ChecksumMismatch, match="promised 0000"):
        fetch_from_hub(ID)
    assert not list(tmp_path.rglob(name))


@pytest.mark.parametrize(
    "text", ["http://host/x", "../etc/passwd", "a/b/c", "lab/..", "lab", "lab/a b", "//lab/net", "lab/net?x=1", "-a/b"]
)
def test_nothing_else_than_owner_and_name_is_an_id(text: str) -> None:
    assert not is_hub_id(text)
    with pytest.raises(InvalidRequest, match="no id of a hub"):
        Hub("http://127.0.0.1:9").find(text)


def test_commands(hub: LocalHub, invoke: Invoke, tmp_path: Path) -> None:
    output = invoke("networks", "add", ID, "--slug", "mae", "--title", "Tiny").output
    assert f"{ID} at 0123456789ab: " in output
    assert "Licence: cc-by-nc-4.0" in output
    assert "Registered mae: " in output
    assert "One unit needs about " in output
    assert "as registered" in invoke("networks", "check", "mae").output
    assert "already registered" in invoke("networks", "add", ID, "--slug", "mae", ok=False).output
    hub.publish("MCG-NJU/videomae-base", save_encoder("VideoMAEForPreTraining", tmp_path / "encoder"))
    assert "Registered videomae-base: " in invoke("networks", "get", "videomae-base").output
    listing = invoke("networks", "get").output
    assert "MCG-NJU/videomae-base-finetuned-kinetics" in listing
    assert "see the hub" in listing
    assert "give a directory" in invoke("networks", "get", "videomae-base", "--file", "x", ok=False).output
