"""Serve the chats of this machine to other programs by the Model Context Protocol (MCP).

    memoryqa serve --mcp                        # to the program that started it, over stdin and stdout
    memoryqa serve --mcp --port 8765            # to programs on this machine, at http://127.0.0.1:8765/mcp
    MEMORYQA_TOKEN=... memoryqa serve --mcp --port 8765 --host 0.0.0.0

docs/mcp.md has the lines to paste into Claude, Cursor, VS Code and Codex.
"""

from __future__ import annotations

from memoryqa.serve.command import add_arguments as add_arguments
from memoryqa.serve.command import serve as run

__all__ = ["add_arguments", "run"]
