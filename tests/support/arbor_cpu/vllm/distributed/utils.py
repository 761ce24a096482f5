"""The group of the trainer and its server: here, one connection."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from typing import Any

_CONNECT_SEC = 10.0


@dataclass
class StatelessProcessGroup:
    """What vLLM's class of this name is to Arbor: `create`, and `barrier` after a broadcast."""

    connection: Connection[Any, Any]

    @classmethod
    def create(cls, host: str, port: int, rank: int, world_size: int) -> StatelessProcessGroup:
        deadline = time.monotonic() + _CONNECT_SEC
        while True:
            try:
                return cls(Client((host, port)))
            except ConnectionRefusedError:  # the server has been told to listen, and may not do so yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def barrier(self) -> None:
        """Wait until the server has the weights."""
        self.connection.recv()
