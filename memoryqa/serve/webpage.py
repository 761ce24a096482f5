"""The files of the page at `/`, with the headers that keep it to itself: no script, style or address but its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FIRST = "index.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",  # asked about each time, and sent again only when it changed
}


@cache
def page_files() -> dict[str, bytes]:
    """The content of each file by its name."""
    return dict(_read())


def _read() -> Iterator[tuple[str, bytes]]:
    for one in sorted(files("memoryqa.serve").joinpath("page").iterdir(), key=lambda file: file.name):
        if one.is_file() and one.name.rpartition(".")[2] in _TYPES:
            yield one.name, one.read_bytes()


def page_routes() -> list[Route]:
    """`/` and `/page/NAME`. They hold nothing of any chat and need no token; the page asks for one."""
    return [Route("/", _index, methods=["GET"]), Route("/page/{name}", _file, methods=["GET"])]


async def _index(request: Request) -> Response:
    return _answer(request, _FIRST)


async def _file(request: Request) -> Response:
    return _answer(request, request.path_params["name"])


def _answer(request: Request, name: str) -> Response:
    content = page_files().get(name)
    if content is None:
        return Response("there is no such file\n", 404, media_type="text/plain", headers=_HEADERS)
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {**_HEADERS, "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers={**headers, "content-type": _TYPES[name.rpartition(".")[2]]})
