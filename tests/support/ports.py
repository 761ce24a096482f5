"""Ports of 127.0.0.1, for tests."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port that nothing listens at: a server may take it, a client is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
