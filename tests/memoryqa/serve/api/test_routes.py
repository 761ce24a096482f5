"""The HTTP API by a real server: every route, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import ApiServer, api_server

SAID = (
    {"text": "I moved to Porto last Saturday!", "speaker": "Ana", "time": "2023-05-25T18:30"},
    {"text": "Congratulations! Is the flat big?", "speaker": "Bo", "time": "2023-05-25T18:31"},
    {"text": "Three rooms and a balcony over the river.", "speaker": "Ana", "time": "2023-05-25T18:32"},
    {"text": "My sister Lena plays the oboe in an orchestra.", "speaker": "Bo", "time": "2023-07-02T09:00"},
)

NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api") / "store") as one:
        yield one


@pytest.fixture
def chat(server: ApiServer) -> str:
    """A chat of this test's own."""
    name = f"chat{next(NUMBERS)}"
    server.add(name, *SAID)
    return name


def test_what_is_added_is_found_with_its_message_and_its_place(server: ApiServer, chat: str) -> None:
    found = server.ok("POST", "/v1/search", {"question": "When did Ana move to Porto?", "chats": [chat]})
    assert "I moved to Porto last Saturday (= 20 May 2023)!" in found["text"]
    best = found["lines"][0]
    assert best.pop("score") > 0.3
    assert best == {
        "chat": chat, "id": "D1:1", "speaker": "Ana", "time": "2023-05-25T18:30:00", "place": 0,
        "text": SAID[0]["text"],
    }  # fmt: skip


def test_a_search_can_be_of_people_and_days_and_of_a_budget(server: ApiServer, chat: str) -> None:
    question = {"question": "Ana Porto sister oboe balcony", "chats": [chat], "min_score": 0}

    def ids(**how: object) -> list[str]:
        return sorted(line["id"] for line in server.ok("POST", "/v1/search", {**question, **how})["lines"])

    assert ids(people=["bo"]) == ["D1:2", "D2:1"]
    assert ids(since="2023-06-01") == ["D2:1"]
    assert ids(until="2023-05-25", people=["Ana"]) == ["D1:1", "D1:3"]
    assert len(ids(budget_tokens=30)) < len(ids(budget_tokens=1_000)) == 4


def test_an_answer_comes_in_stages_with_its_citations(server: ApiServer, chat: str) -> None:
    reply = server.call("POST", "/v1/ask", {"question": "When did Ana move to Porto?", "chats": [chat]})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in reply.events] == ["evidence", "answer"]
    evidence, answer = (data for _, data in reply.events)
    assert evidence["lines"][0]["id"] == "D1:1"
    assert answer["cited"] == [{"chat": chat, "id": "D1:1"}]
    assert (answer["offline"], answer["model"]) == (True, None)
    assert "20 May 2023" in answer["answer"] or "25 May 2023" in answer["answer"]
    whole = server.ok("POST", "/v1/ask", {"question": "When did Ana move to Porto?", "chats": [chat], "stream": False})
    assert whole == answer


def test_an_answer_from_several_chats_cites_the_right_one(server: ApiServer, chat: str) -> None:
    other = f"{chat}2"
    server.add(other, {"text": "Kim moved to Lisbon.", "speaker": "Kim", "time": "2023-06-01"})
    asked = {"question": "Where did Kim move?", "chats": [chat, other], "stream": False}
    answer = server.ok("POST", "/v1/ask", asked)
    assert answer["answer"] == "Lisbon"
    assert answer["cited"] == [{"chat": other, "id": "D1:1"}]


def test_messages_are_read_in_pages_and_around_one(server: ApiServer, chat: str) -> None:
    path = f"/v1/chats/{chat}/messages"
    assert [one["id"] for one in server.ok("GET", f"{path}?start=1&limit=2")["messages"]] == ["D1:2", "D1:3"]
    assert [one["id"] for one in server.ok("GET", f"{path}?start=-1")["messages"]] == ["D2:1"]
    around = server.ok("GET", f"{path}?around=D1:2&limit=3")
    assert (around["total"], around["start"]) == (4, 0)
    assert server.call("GET", f"{path}?around=D9:9").status in (404, 422)
    days = server.ok("GET", f"/v1/chats/{chat}/days")["days"]
    assert days == [
        {"day": "2023-05-25", "messages": 3, "place": 0},
        {"day": "2023-07-02", "messages": 1, "place": 3},
    ]


def test_a_message_is_corrected_and_keeps_what_it_said(server: ApiServer, chat: str) -> None:
    path = f"/v1/chats/{chat}/messages/D1:1"
    corrected = server.ok("PATCH", path, {"text": "I moved to Faro."})
    assert (corrected["text"], corrected["before"]) == ("I moved to Faro.", SAID[0]["text"])
    assert [one["text"] for one in server.ok("GET", f"{path}/revisions")["revisions"]] == [SAID[0]["text"]]
    server.ok("PATCH", path, {"text": "I moved to Braga.", "keep_revision": False})
    assert server.ok("GET", f"{path}/revisions")["revisions"] == []
    assert server.call("PATCH", f"/v1/chats/{chat}/messages/D9:9", {"text": "x"}).status == 404


def test_messages_are_forgotten_by_id_person_and_day(server: ApiServer, chat: str) -> None:
    forget = f"/v1/chats/{chat}/forget"
    assert server.ok("DELETE", f"/v1/chats/{chat}/messages/D1:1") == {"chat": chat, "messages": 1}
    assert server.ok("POST", forget, {"before": "2023-06-01"})["messages"] == 2
    assert server.ok("POST", forget, {"person": "Bo"})["messages"] == 1
    assert server.ok("GET", f"/v1/chats/{chat}/messages")["total"] == 0
    assert "needs one of" in server.call("POST", forget, {}).detail
    assert server.call("DELETE", f"/v1/chats/{chat}/messages/D1:1").status == 404


def test_what_would_be_forgotten_is_shown_and_stays(server: ApiServer, chat: str) -> None:
    would = f"/v1/chats/{chat}/would-forget"
    meant = server.ok("POST", would, {"before": "2023-06-01"})
    assert (meant["total"], meant["first"], meant["last"]) == (3, "2023-05-25", "2023-05-25")
    assert [one["id"] for one in meant["messages"]] == ["D1:1", "D1:2", "D1:3"]
    part = server.ok("POST", f"{would}?start=1&limit=1", {"before": "2023-06-01"})
    assert (part["total"], [one["id"] for one in part["messages"]]) == (3, ["D1:2"])
    assert server.ok("POST", would, {"person": "Bo"})["people"] == ["Bo"]
    assert server.ok("POST", would, {"id": ["D1:1", "D1:1"]})["total"] == 1
    assert server.ok("POST", would, {"everything": True})["total"] == 4
    assert server.ok("POST", would, {"person": "Nobody"}) == {
        **{"chat": chat, "total": 0, "start": 0, "messages": [], "people": [], "first": None, "last": None}
    }
    assert "needs one of" in server.call("POST", would, {}).detail
    assert server.call("POST", would, {"id": "D9:9"}).status == 404
    assert server.ok("GET", f"/v1/chats/{chat}/messages")["total"] == 4


def test_chats_are_made_listed_and_deleted(server: ApiServer, chat: str) -> None:
    made = server.ok("POST", "/v1/chats", {"chat": f"{chat}-new"})
    assert made["messages"] == 0
    listed = {one["chat"]: one for one in server.ok("GET", "/v1/chats")["chats"]}
    assert listed[chat]["people"] == ["Ana", "Bo"]
    assert server.ok("DELETE", f"/v1/chats/{chat}")["messages"] == 4
    names = [one["chat"] for one in server.ok("GET", "/v1/chats")["chats"]]
    assert chat not in names
    assert f"{chat}-new" in names
    assert server.call("DELETE", f"/v1/chats/{chat}").status == 404


def test_people_are_listed(server: ApiServer, chat: str) -> None:
    people = server.ok("POST", "/v1/people", {"chats": [chat]})["people"]
    assert [(one["name"], one["messages"]) for one in people] == [("Ana", 2), ("Bo", 2)]
    assert {"Ana", "Bo"} <= {one["name"] for one in server.ok("GET", "/v1/people")["people"]}


def test_names_of_a_person_are_joined_in_a_chat(server: ApiServer, chat: str) -> None:
    path = f"/v1/chats/{chat}/people"
    assert server.ok("POST", path, {"same": {"Bo": "Boris"}, "me": "Ana"}) == {"chat": chat, "messages": 2}
    assert server.ok("POST", path, {"same": {"Bo": "Boris"}})["messages"] == 0
    people = server.ok("POST", "/v1/people", {"chats": [chat]})["people"]
    assert {one["name"] for one in people} == {"Ana", "Boris"}
    assert "which names" in server.call("POST", path, {}).detail
    assert server.call("POST", path, {"same": {"Bo": " "}}).status == 422
    assert server.call("POST", "/v1/chats/none/people", {"same": {"Bo": "Boris"}}).status == 404


@pytest.mark.parametrize(
    ("format", "begins"), [("jsonl", '{"session": 1'), ("csv", "id,session"), ("markdown", "## D1"), ("locomo", "[")]
)
def test_a_chat_is_exported(server: ApiServer, chat: str, format: str, begins: str) -> None:
    reply = server.call("GET", f"/v1/chats/{chat}/export?format={format}")
    assert reply.content.decode().startswith(begins)
    assert reply.headers["content-disposition"].startswith("attachment")
    assert "oboe" in reply.content.decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("PUT", "/v1/chats", {}, 405),
        ("GET", "/v1/chats/none/messages", None, 404),
        ("POST", "/v1/search", b"{", 400),
        ("POST", "/v1/search", {}, 422),
        ("POST", "/v1/search", {"question": "x", "more": 1}, 422),
        ("POST", "/v1/search", {"question": "x", "since": "yesterday"}, 422),
        ("POST", "/v1/search", {"question": "x", "chats": ["none"]}, 404),
        ("POST", "/v1/search", {"question": "x", "budget_tokens": 10**9}, 422),
        ("POST", "/v1/chats", {"chat": "../x"}, 422),
        ("POST", "/v1/chats/a%2Fb/messages", {"messages": [SAID[0]]}, 404),
        ("POST", "/v1/chats/x/messages", {"messages": [{**SAID[0], "time": "noon"}]}, 422),
        ("POST", "/v1/chats/x/messages", {"messages": []}, 422),
        ("POST", "/v1/chats/x/messages", {"messages": [{**SAID[0], "speaker": " "}]}, 422),
        ("POST", "/v1/search", {"question": "  "}, 422),
        ("POST", "/v1/ask", {"question": "  "}, 422),
        ("POST", "/v1/ask", {"question": "x", "chats": []}, 404),
        ("GET", "/v1/imports/none", None, 404),
        ("POST", "/v1/import", {"file": "x"}, 415),
    ],
)
def test_what_is_wrong_is_a_problem_in_one_line(
    server: ApiServer, method: str, path: str, body: object, status: int
) -> None:
    reply = server.call(method, path, body)
    assert reply.status == status
    assert 0 < len(reply.detail) < 200
    assert "\n" not in reply.detail


@pytest.mark.parametrize("path", ["/v1/search", "/v1/people"])
def test_all_chats_that_may_be_ticked_on_the_page_can_be_asked(server: ApiServer, chat: str, path: str) -> None:
    asked = {"question": "When did Ana move to Porto?"} if path == "/v1/search" else {}
    assert server.call("POST", path, {**asked, "chats": [chat] * 10_000}).status == 200
    assert server.call("POST", path, {**asked, "chats": [chat] * 10_001}).status == 422


def test_no_chat_comes_of_messages_that_are_refused(server: ApiServer) -> None:
    server.call("POST", "/v1/chats/refused/messages", {"messages": [SAID[0], {**SAID[1], "time": "noon"}]})
    assert "refused" not in [one["chat"] for one in server.ok("GET", "/v1/chats")["chats"]]


def test_health_metrics_and_the_document_say_nothing_of_any_chat(server: ApiServer, chat: str) -> None:
    assert server.ok("GET", "/health")["status"] == "ok"
    metrics = server.call("GET", "/metrics").content.decode()
    assert 'memoryqa_requests_total{method="POST",route="/v1/chats/{chat}/messages",status="201"}' in metrics
    server.ok("POST", "/v1/search", {"question": "Ana", "chats": [chat]})
    searched = 'memoryqa_requests_total{method="POST",route="/v1/search",status="200"}'
    assert searched in server.call("GET", "/metrics").content.decode()
    assert 'memoryqa_request_seconds_bucket{method="GET",route="/health",le="+Inf"}' in metrics
    assert chat not in metrics
    assert "Ana" not in metrics
    document = server.ok("GET", "/openapi.json")
    assert {"/v1/search", "/v1/ask", "/v1/import", "/metrics", "/v1/chats/{chat}/messages/{id}"} <= set(
        document["paths"]
    )
    assert "ValidationError" not in json.dumps(document)


def test_no_page_of_documentation_loads_scripts_from_elsewhere(server: ApiServer) -> None:
    assert [server.call("GET", path).status for path in ("/docs", "/redoc")] == [404, 404]
    reply = server.call("GET", "/v1/chats")
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert reply.headers["cache-control"] == "no-store"


def test_the_page_is_served_at_the_root(server: ApiServer) -> None:
    assert b"<!doctype html>" in server.call("GET", "/").content[:100].lower()


@pytest.mark.slow
def test_two_servers_that_write_one_chat_lose_nothing(server: ApiServer, chat: str) -> None:
    with api_server(server.store) as other:
        for number in range(20):
            (server, other)[number % 2].add(chat, {"text": f"note {number}", "speaker": "Ana", "time": "2023-08-01"})
        for one in (server, other):
            assert one.ok("GET", f"/v1/chats/{chat}/messages")["total"] == 24
