"""The settings, read once from the environment. A test compares the README's table with them."""

import re
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from app.contract.errors import InvalidSettings

HOST_NAME = re.compile(r"\*|(?:\*\.)?[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
DEFAULT_PORTS = {"http": 80, "https": 443}
ROOT = Path(__file__).resolve().parent.parent  # of the repository


class Settings(BaseSettings):
    """The settings of web host and worker; each is read from the environment variable `KINETOSCOPE_` and its name."""

    model_config = SettingsConfigDict(env_prefix="KINETOSCOPE_", frozen=True)

    home: Path = Field(ROOT / "var", description="Database file and caches.")
    host: str = Field("127.0.0.1", description="Address the web server binds.")
    port: int = Field(8000, ge=0, le=65535, description="Port the web server binds; 0 picks a free one.")
    database_url: str = Field(
        "", description="PostgreSQL as `postgresql://user:password@host/name`; SQLite in the home if empty."
    )
    shipped: bool = Field(True, description="Register the networks that come with the project, if they are missing.")
    networks: str = Field(
        "", description="Networks to register at start: `family:weights[:labels]`, separated by commas."
    )
    families: str = Field("", description="Python files that register families of your own, separated by commas.")
    network_directory: str = Field(
        "", description="Directory of the worker's machine from which a page may add networks; none if empty."
    )
    public_url: str = Field(
        "",
        description="Address people reach the dashboard at, as `https://lab.example`, with a path if it has one; "
        "the request's own if empty.",
    )
    allowed_hosts: str = Field(
        "",
        description="Further names the dashboard answers as, such as `box box.lab.example`; `*` for any.",
    )
    embed: str = Field(
        "",
        pattern=r"^[A-Za-z0-9:/.*\[\] -]*$",
        description="Sites that may frame pages with `?embed=1`, as `https://lab.example`, separated by spaces; none.",
    )
    token: str = Field(
        "", repr=False, description="Token that every change needs, from programs and browsers; none if empty."
    )
    admin_token: str = Field(
        "", repr=False, description="Token with which jobs of others can be cancelled and moved; none if empty."
    )
    proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks of proxies whose `X-Forwarded-For` is believed, separated by commas.",
    )
    device: str = Field("auto", description="Where the worker computes: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Of gradients: `fp32`, `bf16`, or `auto` for bf16 where the device computes it faster."
    )
    threads: int = Field(0, ge=0, description="CPU threads of the worker; 0 takes all cores but one.")
    batch: int = Field(0, ge=0, le=1024, description="Most jobs a worker claims at once; 0 chooses by device.")
    lease_seconds: float = Field(30, gt=0, description="A job whose worker is silent for so long goes to another.")
    queue_limit: int = Field(100_000, ge=1, description="Live jobs at most; a request beyond is refused.")
    body_limit: int = Field(1_000_000, ge=1, description="Largest request body in bytes.")
    clip_limit: int = Field(50_000_000, ge=1, description="Largest upload of a clip in bytes.")
    upload_limit: int = Field(
        1_000_000_000, ge=1, description="Bytes at most of all uploaded clips that arrive, and of all that wait."
    )
    owner_jobs: int = Field(
        0, ge=0, description="Live jobs of one person at most; 0 takes 2,000, and sets no limit on one's own machine."
    )
    owner_uploads: int = Field(
        0, ge=0, description="Waiting clips of one person at most; 0 takes 10, and sets no limit on one's own machine."
    )
    owner_rate: int = Field(
        0, ge=0, description="Changes by one person a minute; 0 takes 120, and sets no limit on one's own machine."
    )

    @field_validator("public_url")
    @classmethod
    def normalize_public_url(cls, url: str) -> str:
        """Return the address in lower case up to its path, without a default port and a final slash."""
        url = url.strip()
        if not url:
            return ""
        wrong = ValueError(
            f"{url!r} is no address of a site. Write it as https://lab.example or https://lab.example/path"
        )
        try:
            split = urlsplit(url)
            port = split.port
        except ValueError as error:
            raise wrong from error
        name, path = split.hostname or "", split.path.rstrip("/")
        if split.scheme not in DEFAULT_PORTS or not HOST_NAME.fullmatch(name) or "*" in name:
            raise wrong
        if split.username is not None or split.query or split.fragment:
            raise wrong
        if not re.fullmatch(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*", path):
            raise wrong
        host = f"[{name}]" if ":" in name else name.removesuffix(".")
        return f"{split.scheme}://{host}{'' if port in (None, DEFAULT_PORTS[split.scheme]) else f':{port}'}{path}"

    @field_validator("allowed_hosts")
    @classmethod
    def check_allowed_hosts(cls, hosts: str) -> str:
        for name in _names(hosts):
            if not HOST_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a host. Write names alone, as box.lab.example, without http://"
                )
        return hosts

    @field_validator("token", "admin_token")
    @classmethod
    def check_token(cls, token: str) -> str:
        """Return the token without spaces and ends of lines around it, which files with secrets have."""
        token = token.strip()
        if not token.isascii() or not token.isprintable():
            raise ValueError("a token has letters, digits and signs of ASCII alone, as a header does")
        return token

    @field_validator("proxies")
    @classmethod
    def check_proxies(cls, proxies: str) -> str:
        """Return the proxies in the form that uvicorn takes."""
        for proxy in _names(proxies):
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"{proxy!r} is no address or network. Write it as 10.0.0.5 or 10.0.0.0/8") from error
        return ",".join(_names(proxies))

    @property
    def is_private(self) -> bool:
        """Whether the dashboard is on one person's own machine: nobody else reaches it, and nothing is set for them."""
        is_loopback = self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"
        return is_loopback and not (self.public_url or self.allowed_hosts or self.token)

    @property
    def allowed_host_names(self) -> list[str]:
        """The names in `allowed_hosts`."""
        return _names(self.allowed_hosts)

    @property
    def public_origin(self) -> str:
        """The public address without its path; empty if there is none."""
        return self.public_url.removesuffix(self.public_path)

    @property
    def public_path(self) -> str:
        """The path of the public address, as /kinetoscope; empty if it has none."""
        return urlsplit(self.public_url).path

    @property
    def sqlalchemy_url(self) -> str:
        """Return the address of the database in the form that SQLAlchemy takes, with the driver named.

        Raises InvalidSettings for a home whose path is not UTF-8, which has no such address.
        """
        if not self.database_url:
            file = URL.create("sqlite", database=str(self.home / "kinetoscope.db"))  # quotes what means something else
            try:
                return file.render_as_string(hide_password=False)
            except UnicodeEncodeError:
                raise InvalidSettings("KINETOSCOPE_HOME: a database cannot lie there. Name a path in UTF-8.") from None
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.database_url


def _names(text: str) -> list[str]:
    """Return what commas and spaces separate."""
    return re.split(r"[,\s]+", text.strip(", \t\n")) if text.strip(", \t\n") else []


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises InvalidSettings."""
    return read_settings()


def read_settings() -> Settings:
    """Return the settings in the environment. Raises InvalidSettings."""
    try:
        return Settings()
    except ValidationError as error:
        sentences = [
            f"KINETOSCOPE_{str(each['loc'][0]).upper()}: {each['msg'].removeprefix('Value error, ')}."
            for each in error.errors()
        ]
        raise InvalidSettings(" ".join(sentences)) from error
