"""Pages, entries that cannot be read, and prices that are none: no pod may hide behind them and cost money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploy_story import Story, open_story

MINE = "20260101T000000Z-abcdef"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with open_story(tmp_path, "rest") as story:
        yield story


@pytest.mark.slow
@pytest.mark.parametrize("form", ["nextCursor", "pagination", "next"])
def test_pods_on_every_page_are_listed_and_ended(story: Story, form: str) -> None:
    story.server.page_size, story.server.page_form = 2, form
    for number in range(5):
        story.server.add_pod(f"mine-{number}", deployment=MINE)
        story.server.add_pod("of somebody else")
    document = json.loads(story.run("--list", "--json").stdout)
    assert [pod["name"] for pod in document["pods"]] == [f"mine-{number}" for number in range(5)]
    assert document["other_pods"] == 5
    assert story.run("--terminate", "--all", "--yes").returncode == 0
    assert len(story.server.terminated) == 5
    assert len(story.server.pods) == 5


@pytest.mark.slow
@pytest.mark.parametrize("form", ["hasMore", "total"])
def test_a_list_that_cannot_be_read_whole_fails_loudly(story: Story, form: str) -> None:
    story.server.page_size, story.server.page_form = 1, form
    for _ in range(2):
        story.server.add_pod(deployment=MINE)
    for command in (("--list",), ("--terminate", "--all", "--yes")):
        done = story.run(*command)
        assert done.returncode == 1
        assert "RunPod has more pods than it lists (1)" in done.stderr
    assert story.server.terminated == []


ODD_PODS: list[Any] = [
    {"id": "odd"},
    {"id": "odd", "status": None, "cost": "?", "gpu": None, "env": ["A=1"], "ssh": []},
    {"name": "without an id"},
    None,
    "text",
    {"id": "odd", "status": "RUNNING", "env": None, "gpu": {"count": "many"}, "cost": -1},
]


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD_PODS, ids=range(len(ODD_PODS)))
def test_a_foreign_entry_that_cannot_be_read_is_passed_over(story: Story, odd: Any) -> None:
    story.server.odd_pods = [odd]
    pod = story.server.add_pod("mine", deployment=MINE)
    listed = story.run("--list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert [one["id"] for one in json.loads(listed.stdout)["pods"]] == [pod.id]
    assert story.run("--terminate", "--all", "--yes").returncode == 0
    assert story.server.terminated == [pod.id]


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{"cost": None}, {"cost": 0}, {"cost": "free"}, {"status": None}, {"gpu": None}])
def test_an_unknown_price_or_state_is_unknown_and_the_pod_is_shown(story: Story, fields: dict[str, Any]) -> None:
    pod = story.server.add_pod("mine", deployment=MINE, state="RUNNING")
    story.server.odd_fields[pod.id] = fields
    listed = story.run("--list", "--json")
    assert listed.returncode == 0, listed.stderr
    (shown,) = json.loads(listed.stdout)["pods"]
    assert shown["id"] == pod.id
    if "cost" in fields:
        assert (shown["cost_per_hour_usd"], shown["cost_so_far_usd_max"]) == (None, None)
    assert shown["state"] == ("UNKNOWN" if "status" in fields else "RUNNING")
    assert "0.00" not in story.run("--list").stdout


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{"status": None}, {"cost": None}, {"cost": 0}, {"id": None}, {"gpu": []}])
def test_an_odd_answer_to_the_making_of_a_pod_leaves_none_behind(story: Story, fields: dict[str, Any]) -> None:
    story.server.odd_fields["*"] = fields
    done = story.run("--yes", "--timeout-minutes", "0.005", "--poll-seconds", "0.05")
    assert "Traceback" not in done.stderr
    left = set(story.server.pods)
    assert not left or all(pod in done.stderr or "may still run" in done.stderr for pod in left)
    if "id" not in fields:
        assert not left
