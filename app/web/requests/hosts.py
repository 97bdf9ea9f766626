"""Reads the host names of requests (the headers Host and Origin), and decides which are names of this dashboard.

A page of another site whose name resolves to this server (DNS rebinding) is "same origin" for the browser. So a name
must be known. An address (192.168.1.5) cannot be rebound: whoever is reached by it is this server.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from app.settings import Settings

HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?")
ORIGIN = re.compile(r"https?://(?P<host>[^/?#@\\]+)")
DEFAULT_PORTS = ("80", "443")  # a proxy that speaks TLS hides which of them the browser means
MAX_PORT = 65535


@dataclass(frozen=True)
class Host:
    """A name or an address, in lower case and without brackets, and its port; None for the default ports."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the host in a header, or None where it cannot be parsed: with a user, a path or a wrong port."""
        match = HOST.fullmatch(text.lower())
        if match is None:
            return None
        port = match["port"]
        if port and int(port) > MAX_PORT:
            return None
        name = match["ipv6"] or match["name"].removesuffix(".")
        if not name or (match["ipv6"] and not is_address(name)):
            return None
        return cls(name, None if not port or port in DEFAULT_PORTS else int(port))

    @classmethod
    def parse_origin(cls, text: str) -> Self | None:
        """Return the host in a header Origin, or None for `null`, other schemes, and what cannot be parsed."""
        match = ORIGIN.fullmatch(text.lower())
        return cls.parse(match["host"]) if match else None


class AllowedHosts:
    """The hosts that the dashboard answers as.

    Always: `localhost` and loopback addresses, which health checks use. With `any_address`: every address. Else the
    `names`, of which `*.lab.example` means all names below lab.example, and `*` means every name.
    """

    def __init__(self, names: Iterable[str], *, any_address: bool) -> None:
        lowered = {name.lower().removesuffix(".") for name in names}
        self._any_name = "*" in lowered
        self._any_address = any_address
        self._names = frozenset(name for name in lowered if not name.startswith("*"))
        self._endings = tuple(name[1:] for name in lowered if name.startswith("*."))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the hosts of the settings: those allowed, that of the public address, and the one that is bound."""
        names = [*settings.allowed_host_names, settings.host]
        if settings.public_url and (public := Host.parse_origin(settings.public_origin)):
            names.append(public.name)
        return cls(names, any_address=not is_loopback(settings.host))

    def __contains__(self, host: Host) -> bool:
        if self._any_name or is_loopback(host.name) or host.name in self._names:
            return True
        return (self._any_address and is_address(host.name)) or host.name.endswith(self._endings)


def is_address(name: str) -> bool:
    """Return whether a host is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Return whether a host is this machine: `localhost`, a name below it, or a loopback address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return is_address(name) and ipaddress.ip_address(name).is_loopback
