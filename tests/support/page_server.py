"""Real `memoryqa serve` processes with the page, and the chats that they serve."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.error import URLError

from mcp_servers import environment
from ports import free_port
from waiting import wait_for

from memoryqa.memories import Memories

MARKUP = '<img src=x onerror="window.broken = 1"><script>window.broken = 1</script>'
ARABIC = (
    ("ليلى", "هل وصلت إلى القاهرة بخير؟"),
    ("يوسف", "نعم، وصلت مساء أمس والطقس جميل جدا."),
    ("ليلى", "سنزور المتحف الكبير يوم الجمعة."),
)
TALK = (
    "Did you water the tomatoes on the balcony?",
    "The train was late again, forty minutes this time.",
    "I found the old camera in the attic.",
    "Let's meet at the harbour at seven.",
    "The bread came out perfect today.",
)


@contextmanager
def page_server(
    store: Path, *, port: int | None = None, token: str = "", env: Mapping[str, str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server that answers, and its process."""
    port = port or free_port()
    command = [sys.executable, "-m", "memoryqa", "serve", "--store", str(store), "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=store.parent,
        env=environment(**{"MEMORYQA_TOKEN": token, **(env or {})}),
        stderr=subprocess.PIPE,
        text=True,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_for(lambda: _answers(address) or process.poll() is not None)
        yield address, process
    finally:
        process.kill()
        process.communicate()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (URLError, OSError):
        return False


def write_chats(store: Path, messages: int = 300) -> None:
    """A chat in English in which one line says where Ana moved, one in Arabic, and one that is made of markup."""
    with Memories.open(store) as chats:
        start = datetime(2023, 3, 2, 9)
        garden = [
            {"speaker": ("Ana", "Bo")[n % 2], "time": (start + timedelta(hours=7 * n)).isoformat(), "text": TALK[n % 5]}
            for n in range(messages)
        ]
        garden[messages // 2]["text"] = "I moved to Lisbon with my two dogs, Bica and Nata!"
        chats.create("garden").extend(garden)
        chats.create("عائلة").extend(
            {"speaker": speaker, "time": f"2024-01-0{day}T10:00", "text": text}
            for day, (speaker, text) in enumerate(ARABIC, start=1)
        )
        chats.create("markup").add(
            f"My umbrella {MARKUP} is red", speaker=f"<b>Eve</b>{MARKUP}", time="2024-02-01T10:00"
        )
