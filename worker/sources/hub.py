"""Fetch a network from a model hub with the library huggingface_hub: configs and safetensors at one revision, no code.

The hub is the one that the environment names (HF_ENDPOINT), with its token (HF_TOKEN), as that library has it.
"""

import hashlib
import importlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.contract.errors import ChecksumMismatch, DiskFull, DownloadFailed, InvalidRequest, KinetoscopeError, TooLarge
from app.contract.network import Origin
from app.contract.network_source import HUB_ID
from app.settings import settings
from worker.networks.optional_library import library_missing
from worker.networks.recognise import MAX_CHECKPOINT_BYTES
from worker.networks.transformers_directory import CONFIG, MAX_JSON_BYTES, PROCESSORS, check_memory

Observe = Callable[[int, int], None]  # bytes that are there, bytes in all

MAX_FILES = 200  # of one network: configs and shards
TIMEOUT_SECONDS = 30.0
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


@dataclass(frozen=True)
class HubFile:
    name: str
    size: int
    sha256: str | None  # of large files; None where the hub does not tell


@dataclass(frozen=True)
class HubNetwork:
    """What is to be downloaded of a repository at one revision."""

    id: str
    revision: str  # hash of the commit
    licence: str
    files: tuple[HubFile, ...]  # config.json first

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def origin(self) -> Origin:
        return Origin(kind="hub", name=self.id, revision=self.revision, licence=self.licence)


def is_hub_id(source: str) -> bool:
    """Return whether this has the form of a hub's id, owner/name, and is no path of this machine."""
    return re.fullmatch(HUB_ID, source) is not None and ".." not in source and not Path(source).exists()


class Hub:
    """A model hub; `endpoint` is its address, by default the one of the environment."""

    def __init__(self, endpoint: str | None = None, *, max_bytes: int = MAX_CHECKPOINT_BYTES) -> None:
        self.library = import_hub()
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or str(self.library.constants.ENDPOINT)).rstrip("/")
        self.max_bytes = max_bytes

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or self.endpoint

    def find(self, id: str, revision: str | None = None) -> HubNetwork:
        """Return what a repository holds of a network, at the newest commit or at a revision.

        Raises InvalidRequest for an id of another form, a repository that is not there or has no safetensors, and
        one that needs terms to be accepted; TooLarge; DownloadFailed where the hub does not answer.
        """
        if not is_hub_id(id):
            raise InvalidRequest(f"{id!r} is no id of a hub: these are written owner/name.")
        api = self.library.HfApi(endpoint=self.endpoint)
        try:
            info = api.model_info(id, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS)
        except Exception as error:
            raise self._told(id, error) from None
        files = tuple(
            HubFile(each.rfilename, int(each.size or 0), getattr(each.lfs, "sha256", None) if each.lfs else None)
            for each in info.siblings or ()
        )
        card = info.card_data.to_dict() if info.card_data else {}
        licence = card.get("license_name") or card.get("license") or ""
        chosen = self._choose(id, files)
        return HubNetwork(id, str(info.sha), str(licence), chosen)

    def _choose(self, id: str, files: tuple[HubFile, ...]) -> tuple[HubFile, ...]:
        top = [file for file in files if "/" not in file.name]
        configs = [file for file in top if file.name.endswith(".json")]
        weights = [file for file in top if file.name.endswith(".safetensors")]
        weights = [file for file in weights if file.name.startswith("model")] or weights
        if CONFIG not in [file.name for file in configs]:
            raise InvalidRequest(
                f"{id} has no {CONFIG}: it is not saved by the library transformers. Download its checkpoint yourself, "
                "then `networks add FILE`."
            )
        if not any(file.name in PROCESSORS for file in configs):
            raise InvalidRequest(
                f"{id} lacks the processor's config ({', '.join(PROCESSORS)}), which says how pixels are normalised: "
                f"download the network, put that of a network of its kind beside it, and add the directory. "
                f"{_by_hand(id)}."
            )
        if not weights:
            pickles = [file.name for file in files if file.name.endswith(PICKLES)]
            found = f"only {pickles[0]}, a format that can run code, which is not fetched" if pickles else "no weights"
            raise InvalidRequest(
                f"{id} has no *.safetensors: {found}. Look whether a branch of it has (`--revision refs/pr/1`), or "
                "load it with the library, call save_pretrained(DIRECTORY) and `networks add DIRECTORY`."
            )
        chosen = (*sorted(configs, key=lambda file: file.name != CONFIG), *weights)
        size = sum(file.size for file in chosen)
        if size > self.max_bytes or len(chosen) > MAX_FILES or any(each.size > MAX_JSON_BYTES for each in configs):
            raise TooLarge(
                f"{id} has {len(chosen)} files of {size / 1e9:.1f} GB, and a network of {self.max_bytes / 1e9:.0f} GB "
                f"in {MAX_FILES} files at most is fetched, with configs of {MAX_JSON_BYTES / 1e6:.0f} MB. Download it "
                f"yourself: {_by_hand(id)}."
            )
        return chosen

    @contextmanager
    def fetched(self, network: HubNetwork, observe: Observe = lambda done, total: None) -> Iterator[Path]:
        """Yield a directory with the network's files; it is deleted after the block, and kept where that raises.

        What is kept is taken up again by the next attempt. The config is read before the weights are fetched.
        `observe` may raise, which ends the download.

        Raises InvalidRequest for a config that is not opened here, DownloadFailed, ChecksumMismatch and DiskFull.
        """
        folder = settings().home / "sources" / "hub" / network.id.replace("/", "--")
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if network.size > free:
            raise DiskFull(
                f"{network.id} has {network.size / 1e9:.1f} GB, and the folder KINETOSCOPE_HOME has "
                f"{free / 1e9:.1f} GB free: make room there."
            )
        done = 0
        for file in network.files:
            self._download(network, file, folder, partial(_observe_file, observe, done, network.size))
            done += file.size
            observe(min(done, network.size), network.size)
            if file.name == CONFIG:
                _check_config(folder)
        yield folder
        shutil.rmtree(folder)

    def _download(self, network: HubNetwork, file: HubFile, folder: Path, observe: Callable[[int], None]) -> None:
        stopped: list[BaseException] = []

        class Bar(self.library.utils.tqdm):  # type: ignore[misc,name-defined]
            """Tells the bytes so far in place of a bar."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **{**options, "disable": True})
                self.bytes = int(options.get("initial") or 0)

            def update(self, n: float | None = 1) -> None:
                self.bytes += int(n or 0)
                try:
                    observe(self.bytes)
                except BaseException as error:
                    stopped.append(error)
                    raise

        try:
            path = self.library.hf_hub_download(
                network.id,
                file.name,
                revision=network.revision,
                local_dir=folder,
                endpoint=self.endpoint,
                tqdm_class=Bar,
            )
        except Exception as error:
            if stopped:
                raise
            raise self._told(network.id, error) from None
        if file.sha256 is not None:
            with Path(path).open("rb") as content:
                actual = hashlib.file_digest(content, "sha256").hexdigest()
            if actual != file.sha256:
                Path(path).unlink()
                raise ChecksumMismatch(
                    f"{file.name} of {network.id} came with the sha256 {actual}, where {self.host} promised "
                    f"{file.sha256}. It was deleted: try again.",
                    expected=file.sha256,
                )

    def _told(self, id: str, error: Exception) -> InvalidRequest | DownloadFailed:
        """Return an error of the library as one of ours, with what a person can do."""
        errors = self.library.errors
        if isinstance(error, errors.GatedRepoError):
            return InvalidRequest(
                f"{id} is gated: its owner wants terms to be accepted. Do that at {self.endpoint}/{id}, then set "
                f"HF_TOKEN to your token where the worker runs, or fetch it yourself: {_by_hand(id)}."
            )
        if isinstance(error, errors.RepositoryNotFoundError):
            return InvalidRequest(
                f"{self.host} has no network {id}, or it is private: look how it is written; for a private one set "
                "HF_TOKEN to your token where the worker runs."
            )
        if isinstance(error, errors.RevisionNotFoundError):
            return InvalidRequest(f"{id} has no such revision: give a branch, a tag or the hash of a commit.")
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return DownloadFailed(
            f"{id} was not fetched: the hub {self.host} cannot be reached or answers with an error ({reason}). Try "
            f"again, or on a machine that reaches it: {_by_hand(id)}."
        )


def import_hub() -> Any:
    """Return the library. Raises InvalidRequest, with what to install, where it is missing."""
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise library_missing("Hubs are asked by the library huggingface_hub", error) from None


def _observe_file(observe: Observe, before: int, total: int, done: int) -> None:
    observe(min(before + done, total), total)


def _by_hand(id: str) -> str:
    name = id.rpartition("/")[2]
    return f"`hf download {id} --local-dir {name}`, then `kinetoscope-worker networks add {name}`"


def _check_config(folder: Path) -> None:
    """Raise an error for a network that cannot be opened, or has no room in memory, before its weights are fetched."""
    try:
        check_memory(json.loads((folder / CONFIG).read_bytes()))
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        shutil.rmtree(folder)
        raise InvalidRequest(f"The {CONFIG} is no config of a network ({error}).") from None
    except KinetoscopeError:
        shutil.rmtree(folder)
        raise
