"""Names and addresses by which a server is reached."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{0,5})?", re.ASCII)  # a name or an address, and a port


@lru_cache(maxsize=256)  # a server asks at each request
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_one_of(host: str, names: Collection[str]) -> bool:
    """Whether the Host header `host`, with or without a port, is a name of this machine or one of `names`."""
    name = _name_in(host)
    return name is not None and (is_loopback(name) or name in names)


@lru_cache(maxsize=256)
def _name_in(host: str) -> str | None:
    """The name in a Host header, without its port; None for what is none."""
    if not _HOST.fullmatch(host):
        return None
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return None
