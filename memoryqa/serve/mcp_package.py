"""Imports what speaks MCP when it is first needed: that takes longer than all else of a server's start, and a page or
an API that nobody asks for MCP needs none of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from memoryqa.errors import UsageError
from memoryqa.serve.ending import finish_replies

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from memoryqa.serve.mcp_server import Ask
    from memoryqa.serve.operations import Operations
    from memoryqa.serve.tokens import Access

logger = logging.getLogger(__name__)
MakeServer = Callable[["Access"], "MCPServer"]


class McpMissingError(UsageError):
    """The package mcp is not there, or cannot be used."""


def make_server_of(operations: Operations, ask: Ask | None) -> MakeServer:
    """What makes the MCP server of an access, and imports what it needs; for the arguments see `make_server`."""

    def make(access: Access) -> MCPServer:
        try:
            from memoryqa.serve.mcp_server import make_server

            finish_replies()
        except Exception as error:  # a broken package may raise anything
            raise _missing(error) from error
        return make_server(operations, ask, access)

    return make


def _missing(error: Exception) -> McpMissingError:
    """The error for clients, who are told nothing of this machine; its log has the rest."""
    logger.error("MCP cannot be served: %s: %s", type(error).__name__, " ".join(str(error).split()))
    if isinstance(error, ModuleNotFoundError):
        problem = f"has no module {error.name}"
    else:
        problem = f"cannot import the package mcp ({type(error).__name__})"
    return McpMissingError(f"MCP cannot be served here: the server {problem}; pip install --upgrade 'memoryqa[serve]'")
