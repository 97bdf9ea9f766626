"""A model hub on this machine, which answers the requests that huggingface_hub makes."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class LocalHub:
    """Serves repositories: files by name; `errors` are answers in place of one: status and code of the error."""

    address: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    promised: dict[str, str] = field(default_factory=dict)  # sha256 that a file is said to have
    requests: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    def publish(self, id: str, folder: Path, licence: str = "cc-by-nc-4.0") -> None:
        """Put the files of a directory into a repository."""
        self.repositories[id] = {file.name: file.read_bytes() for file in folder.iterdir()}
        self.licences[id] = licence

    def info(self, id: str) -> bytes:
        siblings = []
        for name, data in self.repositories[id].items():
            digest = self.promised.get(name, hashlib.sha256(data).hexdigest())
            lfs = {"lfs": {"sha256": digest, "size": len(data), "pointerSize": 130}} if "safetensors" in name else {}
            siblings.append({"rfilename": name, "size": len(data), "blobId": "0" * 40, **lfs})
        body = {"_id": "1", "id": id, "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0, "likes": 0}
        return json.dumps(body | {"private": False, "cardData": {"license": self.licences.get(id)}}).encode()


@contextmanager
def serving(hub: LocalHub) -> Iterator[LocalHub]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = urlsplit(self.path).path
            hub.requests.append(f"{self.command} {path}")
            hub.tokens.append(self.headers.get("Authorization"))
            parts = path.strip("/").split("/")
            is_api = parts[:2] == ["api", "models"]
            id = "/".join(parts[2:4] if is_api else parts[:2])
            if id in hub.errors or id not in hub.repositories:
                status, code = hub.errors.get(id, (404, "RepoNotFound"))
                self._send(status, b"", {"X-Error-Code": code}, with_body=with_body)
            elif is_api:
                self._send(200, hub.info(id), {"Content-Type": "application/json"}, with_body=with_body)
            else:
                data = hub.repositories[id].get("/".join(parts[4:]))
                headers = {"ETag": f'"{hashlib.sha256(data or b"").hexdigest()}"', "X-Repo-Commit": COMMIT}
                if data is None:
                    self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, with_body=with_body)
                else:
                    self._send(200, data, headers, with_body=with_body)

        def _send(self, status: int, data: bytes, headers: dict[str, str], *, with_body: bool) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if with_body:
                self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
