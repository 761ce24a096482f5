"""The files of the page: headers, types, what they may refer to, and that nothing of a chat could become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from checkout import ROOT
from starlette.applications import Starlette
from starlette.testclient import TestClient

from memoryqa.serve.webpage import page_files, page_routes

SCRIPTS = sorted(name for name in page_files() if name.endswith(".js"))


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=page_routes()))


class Tags(HTMLParser):
    """What a page is made of: (tag, attributes) of each element, and the text in scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_is_strict_about_where_things_come_from(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("name", sorted(page_files()))
def test_each_file_has_its_type_and_is_sent_once(client: TestClient, name: str) -> None:
    answer = client.get(f"/page/{name}")
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
    assert answer.content == (ROOT / "memoryqa/serve/page" / name).read_bytes()
    assert client.get(f"/page/{name}", headers={"if-none-match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path", ["/page/none.js", "/page/..%2Fwebpage.py", "/page/../webpage.py", "/page/%2e%2e/http.py"]
)
def test_other_files_are_out_of_reach(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_everything_that_is_referred_to_is_there(client: TestClient) -> None:
    tags = Tags(client.get("/").text).found
    addresses = {given[name] for _, given in tags for name in ("src", "href") if name in given} - {"./", "#question"}
    assert addresses
    for address in addresses:
        assert client.get(f"/{address}").status_code == 200, address
    for name in SCRIPTS:
        for other in re.findall(r'from "\./([^"]+)"', page_files()[name].decode()):
            assert other in page_files(), f"{name} imports {other}"


def test_no_script_or_style_is_inline(client: TestClient) -> None:
    for tag, given in Tags(client.get("/").text).found:
        assert not [name for name in given if name.startswith("on") or name == "style"], tag
        assert tag != "style"
        assert tag != "script" or given.get("src")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_no_markup_of_text(name: str) -> None:
    script = page_files()[name].decode()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", script
    )
    assert not re.findall(r"https?://", script)
    assert len(script.splitlines()) < 400


def test_the_token_is_kept_for_the_tab_alone() -> None:
    scripts = "".join(page_files()[name].decode() for name in SCRIPTS)
    assert "sessionStorage" in scripts
    assert "localStorage" not in scripts
    assert "document.cookie" not in scripts
