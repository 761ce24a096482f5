"""Serve the chats of this machine to a browser and to other programs, by HTTP and by MCP. docs/http.md, docs/mcp.md.

    memoryqa serve                              # the page, the API and MCP at http://127.0.0.1:8765
    memoryqa serve --new-token phone --only family --read-only
    MEMORYQA_TOKEN=... memoryqa serve --host 0.0.0.0
    memoryqa serve --mcp                        # MCP to the program that started it, over stdin and stdout
    memoryqa serve --mcp --port 8766            # MCP alone, at http://127.0.0.1:8766/mcp

Ctrl-C ends it.
"""

from __future__ import annotations

from memoryqa.serve.command import add_arguments as add_arguments
from memoryqa.serve.command import serve as run

__all__ = ["add_arguments", "run"]
