"""Who sends a request: an owner of jobs, a network address, and what they may do.

An owner is a random number in the browser's cookie, and no login. A program has none: it owns what its address owns.
"""

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Self

from fastapi import Depends, Response
from starlette.requests import HTTPConnection

from app.contract.errors import Refused
from app.contract.job import BaseJob
from app.settings import Settings
from app.store.jobs.requesters import Requester, WorkLimits
from app.web import urls
from app.web.requests.credentials import Role, role_of

OWNER_COOKIE = "kinetoscope_owner"
COOKIE_SECONDS = 365 * 24 * 60 * 60
IPV6_CUSTOMER_BITS = 64  # whoever has one IPv6 address has all that begin with the same bits
ADDRESS_ID_LENGTH = 32  # characters
DEFAULT_OWNER_JOBS = 2000
DEFAULT_OWNER_UPLOADS = 10
OWNER_UPLOAD_SHARE, ADDRESS_UPLOAD_SHARE = 4, 2  # at most a quarter, and a half, of the bytes of all uploads
PEOPLE_PER_ADDRESS = 10  # a classroom behind one address may do this many times what one person may


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who sends a request. Without arguments: a person on their own machine."""

    cookie_owner: str | None = None  # None for programs, and for a browser that never asked for work
    address_id: str = "ip-unknown"
    role: Role = Role.WRITER
    owns_unattributed: bool = True  # whether jobs of commands are everybody's: on one's own machine
    can_sign_in: bool = False
    is_signed_in: bool = False
    is_encrypted: bool = False  # whether the browser shows an address that begins with https://

    @classmethod
    def of(cls, connection: HTTPConnection, settings: Settings) -> Self:
        role = role_of(connection, settings)
        cookie = connection.cookies.get(OWNER_COOKIE, "")
        return cls(
            cookie_owner=cookie if re.fullmatch("[0-9a-f]{32}", cookie) else None,
            address_id=address_id(connection.client.host if connection.client else ""),
            role=role,
            owns_unattributed=settings.is_private,
            can_sign_in=bool(settings.token or settings.admin_token),
            is_signed_in=role > (Role.READER if settings.token else Role.WRITER),
            is_encrypted=is_encrypted(connection, settings),
        )

    @property
    def may_write(self) -> bool:
        return self.role >= Role.WRITER

    @property
    def owners(self) -> frozenset[str]:
        """The owners whose jobs are this visitor's."""
        return frozenset({self.address_id, *([self.cookie_owner] if self.cookie_owner else [])})

    @property
    def changeable_owners(self) -> frozenset[str | None] | None:
        """The owners whose jobs the visitor may change, None for all; None among them stands for jobs of commands."""
        if self.role is Role.ADMIN:
            return None
        return self.owners | {None} if self.owns_unattributed else self.owners

    def may_change(self, job: BaseJob) -> bool:
        """Return whether the visitor may cancel or move a job."""
        if not self.may_write:
            return False
        is_attributed = job.address is not None  # jobs of commands are not, nor are those of earlier versions
        is_own = job.owner in self.owners or (self.owns_unattributed and not is_attributed)
        return is_own or self.role is Role.ADMIN

    def check_may_change(self, job: BaseJob) -> None:
        """Raise Refused unless the visitor may cancel or move a job."""
        if not self.may_change(job):
            raise Refused(
                f"Job {job.id} is somebody else's: only who asked for it can cancel or move it. "
                "The administrator can, with the token in KINETOSCOPE_ADMIN_TOKEN."
            )


_visitor: ContextVar[Visitor] = ContextVar("visitor", default=Visitor())  # noqa: B039  # it is immutable


def current_visitor() -> Visitor:
    """Return who sent the request that is being answered."""
    return _visitor.get()


@contextmanager
def answering(visitor: Visitor) -> Iterator[None]:
    """Make somebody the current visitor within the block."""
    token = _visitor.set(visitor)
    try:
        yield
    finally:
        _visitor.reset(token)


async def get_visitor() -> Visitor:
    return current_visitor()


VisitorDep = Annotated[Visitor, Depends(get_visitor)]


def is_encrypted(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether the browser asks over TLS. It names its own address with every change, also behind a proxy."""
    scheme: str = connection.scope["scheme"]
    address = connection.headers.get("origin") or settings.public_url or f"{scheme}:"
    return address.lower().startswith("https:")


@lru_cache(maxsize=1024)
def address_id(address: str) -> str:
    """Return the id of a network address as an owner of jobs. It has another form than the owners in cookies."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        name = "unknown"  # a proxy that names no address, or a socket without one
    else:
        ip = (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
        network = ipaddress.ip_network((ip, IPV6_CUSTOMER_BITS if ip.version == 6 else 32), strict=False)
        name = str(network.network_address)
    return f"ip-{hashlib.sha256(name.encode()).hexdigest()}"[:ADDRESS_ID_LENGTH]


def requester(visitor: Visitor, settings: Settings, owner: str | None = None) -> Requester:
    """Return the visitor as one who asks for work. `owner` is that of a browser which just gets its cookie.

    A program has no cookie: it has the limits of its address, which anybody can have by sending no cookie.
    """
    is_open = not settings.is_private
    own = WorkLimits(
        jobs=settings.owner_jobs or (DEFAULT_OWNER_JOBS if is_open else None),
        uploads=settings.owner_uploads or (DEFAULT_OWNER_UPLOADS if is_open else None),
        upload_bytes=max(settings.clip_limit, settings.upload_limit // OWNER_UPLOAD_SHARE) if is_open else None,
    )
    of_address = WorkLimits(
        jobs=own.jobs and own.jobs * PEOPLE_PER_ADDRESS,
        uploads=own.uploads and own.uploads * PEOPLE_PER_ADDRESS,
        upload_bytes=max(settings.clip_limit, settings.upload_limit // ADDRESS_UPLOAD_SHARE) if is_open else None,
    )
    owner = owner or visitor.cookie_owner
    return Requester(
        owner=owner or visitor.address_id,
        address=visitor.address_id,
        owner_limits=own if owner else of_address,
        address_limits=of_address,
        limits=WorkLimits(upload_bytes=settings.upload_limit),
    )


def new_owner() -> str:
    return secrets.token_hex(16)


def remember_owner(response: Response, owner: str) -> None:
    """Set the cookie, or keep it for another year."""
    response.set_cookie(
        OWNER_COOKIE,
        owner,
        max_age=COOKIE_SECONDS,
        path=urls.networks(),
        secure=current_visitor().is_encrypted,
        httponly=True,
        samesite="lax",
    )
