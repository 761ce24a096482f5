"""A server and its chats, with the methods of the library."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from memoryqa.client.connection import Connection, ServerError
from memoryqa.client.replies import Answer, Found, Message, When, found_in, message_in, written
from memoryqa.errors import UsageError

AT_ONCE = 1_000  # messages in a request
_PAGE = 500  # messages that are read at once
_CHUNK = 1024 * 1024


class Client(Connection):
    """A server: its chats, and what is asked of several. See `Connection` for the arguments."""

    def chat(self, name: str) -> Chat:
        """The chat `name`; it is made when something is added."""
        return Chat(self, name)

    def create(self, name: str) -> Chat:
        """The chat `name`, which is made when there is none."""
        self.call("POST", "/v1/chats", {"chat": name}, again=True)
        return Chat(self, name)

    def delete(self, name: str) -> None:
        """Erase the chat `name`, with its file."""
        Chat(self, name).delete()

    def chats(self) -> list[dict[str, Any]]:
        """The chats, with messages, people, first and last day."""
        return self.call("GET", "/v1/chats")["chats"]

    def people(self, chats: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Who speaks in some chats or all, most talkative first."""
        return self.call("POST", "/v1/people", {"chats": _listed(chats)}, again=True)["people"]

    def search(
        self,
        question: str,
        budget_tokens: int = 1_000,
        *,
        chats: Sequence[str] | None = None,
        speakers: str | Sequence[str] | None = None,
        since: When = None,
        until: When = None,
        min_score: float = 0.0,
        asked: When = None,
    ) -> Found:
        """The messages that answer best, in some chats or all, as many as `budget_tokens` hold. asked: the day of
        asking, by which "last week" is read; today when left out."""
        body = {
            **_asked(question, chats, speakers, since, until, asked),
            "budget_tokens": budget_tokens,
            "min_score": min_score,
        }
        return found_in(self.call("POST", "/v1/search", body, again=True))

    def ask(
        self,
        question: str,
        *,
        chats: Sequence[str] | None = None,
        speakers: str | Sequence[str] | None = None,
        since: When = None,
        until: When = None,
        asked: When = None,
        budget_tokens: int | None = None,
        tell: Callable[[str, Any], None] = lambda *_: None,
    ) -> Answer:
        """The answer, by the model of the server or its offline reader. `tell` is given the stages as they come:
        "queries" and a list, "evidence" and what was found, "writing" and all that the model has written of the answer
        so far. The model is asked once, since it costs money, and stops when this call is interrupted."""
        body = {**_asked(question, chats, speakers, since, until, asked), "budget_tokens": budget_tokens}
        answer: Answer | None = None
        for name, data in self.events("/v1/ask", body):
            if name == "answer":
                cited = tuple((one["chat"], one["id"]) for one in data["cited"])
                answer = Answer(data["answer"], cited, data["model"], found_in(data["found"]))
            elif name == "error":
                raise ServerError(data["detail"], data["status"])
            else:
                tell(name, found_in(data) if name == "evidence" else data["answer"] if name == "writing" else data)
        if answer is None:
            raise ServerError("the server broke off before it answered")
        return answer

    def import_export(
        self,
        path: str | Path,
        *,
        chat: str | None = None,
        progress: Callable[[str, int, int], None] = lambda *_: None,
        **how: str,
    ) -> dict[str, Any]:
        """Upload an export and wait until it is read: its chats, how many messages were added and known, the report.

        how: format, timezone, dates, me. progress: the step, how many messages are done, of how many (0: unknown).
        What is there already is not added again.
        """
        path = Path(path)
        fields = {**({"chat": chat} if chat else {}), **how}
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                boundary = uuid4().hex
                head, tail = _form(fields, path.name, boundary)
                pieces = _pieces(head, file, tail)
                headers = {
                    "Content-Type": f"multipart/form-data; boundary={boundary}",
                    "Content-Length": str(len(head) + size + len(tail)),
                }
                job = json.loads(self.send("POST", "/v1/import", pieces, headers).read())
        except OSError as error:
            raise UsageError(f"{path}: cannot be sent ({error.strerror or error})") from error
        while job["state"] not in ("done", "failed"):
            time.sleep(0.2)
            job = self.call("GET", f"/v1/imports/{job['id']}")
            progress(job["state"], round(job["messages"] * (job["share"] or 1)), job["messages"])
        if job["problem"] is not None:
            raise UsageError(job["problem"])
        return job["result"]


class Chat:
    """A chat of a server: the methods of `AdaptiveMemory`."""

    def __init__(self, client: Client, name: str) -> None:
        self._client, self.name = client, name
        self._path = f"/v1/chats/{quote(name, safe='')}"

    def add(self, text: str, *, speaker: str, time: When = None, key: str | None = None) -> str:
        """Remember a message; returns its id. key: your own id, with which the call may be made twice."""
        return self.extend([{"text": text, "speaker": speaker, "time": written(time), "key": key}])[0]

    def extend(self, messages: Iterable[Mapping[str, Any]]) -> list[str]:
        """Add messages with text, speaker, time and key, a thousand at once; returns their ids. Of those thousand all
        are added, or none when one is refused."""
        ids, waiting = list[str](), list[dict[str, Any]]()
        for one in messages:
            waiting.append({**one, "time": written(one.get("time"))})
            if len(waiting) == AT_ONCE:
                ids += self._add(waiting)
                waiting = []
        return ids + (self._add(waiting) if waiting else [])

    def _add(self, messages: list[dict[str, Any]]) -> list[str]:
        again = all(one.get("key") for one in messages)
        return self._client.call("POST", f"{self._path}/messages", {"messages": messages}, again=again)["ids"]

    def search(self, question: str, budget_tokens: int = 1_000, **how: Any) -> Found:
        """See `Client.search`."""
        return self._client.search(question, budget_tokens, chats=[self.name], **how)

    def ask(self, question: str, **how: Any) -> Answer:
        """See `Client.ask`."""
        return self._client.ask(question, chats=[self.name], **how)

    def expand(self, handle: str) -> Message:
        """The message `handle`."""
        return self.around(handle, 0)[0]

    def turns(self) -> list[Message]:
        """All messages in order."""
        found = list[Message]()
        while page := self.messages(len(found), _PAGE):
            found += page
        return found

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks, most talkative first."""
        return tuple(one["name"] for one in self._client.people([self.name]))

    def around(self, handle: str, num_turns: int = 5) -> list[Message]:
        """The message `handle`, between those before and after it."""
        wanted = handle.removeprefix("mem:")
        found = self._messages(urlencode({"around": wanted, "limit": 2 * num_turns + 1}))
        place = [one.id for one in found].index(wanted)  # near an end of the chat there is more on the other side
        return found[max(0, place - num_turns) : place + num_turns + 1]

    def messages(self, start: int = 0, limit: int = 100) -> list[Message]:
        """Messages in order from the place `start`, counted from the end when it is negative."""
        return self._messages(urlencode({"start": start, "limit": limit}))

    def _messages(self, query: str) -> list[Message]:
        page = self._client.call("GET", f"{self._path}/messages?{query}")
        return [message_in({"chat": self.name, **one}) for one in page["messages"]]

    def __len__(self) -> int:
        return self._client.call("GET", f"{self._path}/messages?limit=1")["total"]

    def __bool__(self) -> bool:
        """True, without a call of the server."""
        return True

    def days(self) -> dict[str, int]:
        """How many messages each day has, YYYY-MM-DD."""
        return {one["day"]: one["messages"] for one in self._client.call("GET", f"{self._path}/days")["days"]}

    def correct(self, handle: str, new_text: str, *, keep_revision: bool = True) -> None:
        """Let the message `handle` say `new_text`."""
        body = {"text": new_text, "keep_revision": keep_revision}
        self._client.change("PATCH", self._of(handle), body)

    def revisions(self, handle: str) -> list[dict[str, Any]]:
        """What the message `handle` was before each correction, oldest first."""
        return self._client.call("GET", f"{self._of(handle)}/revisions")["revisions"]

    def forget(
        self,
        handle: str | Iterable[str] | None = None,
        *,
        person: str | None = None,
        before: When = None,
        everything: bool = False,
    ) -> int:
        """Erase one message or several, a person's, those before a day, or all; returns how many."""
        body = _meant(handle, person, before, everything)
        return self._client.change("POST", f"{self._path}/forget", body)["messages"]

    def would_forget(
        self,
        handle: str | Iterable[str] | None = None,
        *,
        person: str | None = None,
        before: When = None,
        everything: bool = False,
    ) -> list[Message]:
        """The messages that `forget` would erase."""
        body, found = _meant(handle, person, before, everything), list[Message]()
        while True:
            query = urlencode({"start": len(found), "limit": _PAGE})
            page = self._client.call("POST", f"{self._path}/would-forget?{query}", body, again=True)
            found += [message_in({"chat": self.name, **one}) for one in page["messages"]]
            if not page["messages"] or len(found) >= page["total"]:
                return found

    def join(self, same: Mapping[str, str], *, me: str | None = None) -> int:
        """Show what was said under each name of `same` under the name that it means, in later imports too; returns how
        many messages are shown under another name than before. me: the name of who says "I"."""
        body = {"same": dict(same), "me": me}
        return self._client.change("POST", f"{self._path}/people", body)["messages"]

    def delete(self) -> None:
        """Erase the chat, with its file."""
        self._client.change("DELETE", self._path)

    def export(self, path: str | Path, *, format: str | None = None) -> None:
        """Write all messages to a file that its owner alone can read. format: jsonl, csv, markdown or locomo; None: by
        the file's ending."""
        ending = Path(path).suffix.lower().removeprefix(".")
        if not (format := format or {"md": "markdown", "json": "locomo"}.get(ending, ending)):
            raise UsageError(f"{path}: no ending says in which format; use .jsonl, .csv, .md, .json, or format=")
        content = self._client.download(f"{self._path}/export?format={quote(format)}")
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from error

    def _of(self, id: str) -> str:
        return f"{self._path}/messages/{quote(id.removeprefix('mem:'), safe=':')}"

    def __repr__(self) -> str:
        return f"<Chat: {self.name}>"


def _asked(question: str, chats: Any, speakers: Any, since: When, until: When, asked: When) -> dict[str, Any]:
    people = [speakers] if isinstance(speakers, str) else _listed(speakers)
    days = {"since": written(since), "until": written(until), "asked": written(asked)}
    return {"question": question, "chats": _listed(chats), "people": people, **days}


def _meant(handle: str | Iterable[str] | None, person: str | None, before: When, everything: bool) -> dict[str, Any]:
    """What is to be forgotten."""
    ids = None if handle is None else [one.removeprefix("mem:") for one in _listed(handle) or ()]
    return {"id": ids, "person": person, "before": written(before), "everything": everything}


def _listed(names: str | Iterable[str] | None) -> list[str] | None:
    return None if names is None else [names] if isinstance(names, str) else list(names)


def _form(fields: Mapping[str, str], name: str, boundary: str) -> tuple[bytes, bytes]:
    """What comes before the file in a form, and after it."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    plain = name.replace('"', "_").replace("\r", "_").replace("\n", "_")
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{plain}"\r\n\r\n')
    return "".join(parts).encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()


def _pieces(head: bytes, file: Any, tail: bytes) -> Iterator[bytes]:
    yield head
    while piece := file.read(_CHUNK):
        yield piece
    yield tail
