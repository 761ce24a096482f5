"""arbor/deploy.py through the real `runpod` SDK, against a stand-in that parses its GraphQL with graphql-core."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy_story import PUBLIC_KEY, Story, open_story
from http_stand_in import Fault
from runpod_server import query_error

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("runpod") is None or importlib.util.find_spec("graphql") is None,
    reason="needs pip install 'runpod>=1.7,<2' graphql-core",
)
SERVER_ERROR = Fault(500, "<html>Internal Server Error</html>")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with open_story(tmp_path, "graphql") as story:
        yield story


@pytest.mark.slow
def test_the_whole_story_from_creation_to_termination(story: Story) -> None:
    story.pod.set_phase("pod1", "ready Arbor answers")
    done = story.run("--yes", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["ssh_tunnel"] == "ssh -N -L 7453:127.0.0.1:7453 root@127.0.0.1 -p 2222"
    assert "container start: starting" in done.stderr
    (listed,) = json.loads(story.run("--list", "--json").stdout)["pods"]
    assert (listed["id"], listed["gpu"], listed["cost_per_hour_usd"]) == ("pod1", "A100 SXM", 4.5)
    done = story.run("--terminate", "pod1", "gone-already")
    assert done.returncode == 0
    assert story.server.terminated == ["pod1"]


@pytest.mark.slow
def test_what_was_asked_for_arrives_whole_through_the_query_text(story: Story) -> None:
    flags = ("--yes", "--no-wait", "--max-hours", "1.5", "--network-volume", "vol-1", "--public")
    assert story.run(*flags).returncode == 0
    settings = story.server.pods["pod1"].settings
    assert settings["env"]["PUBLIC_KEY"] == PUBLIC_KEY
    assert settings["env"]["ARBOR_MAX_HOURS"] == "1.5"
    assert settings["ports"] == ["22/tcp", "7454/http"]
    assert settings["cuda"] == ["12.8", "12.9", "13.0"]
    shown = json.loads(story.run("--dry-run", "--json").stdout)["request"]["runpod.create_pod"]
    assert settings["start_command"] == shown["docker_args"]  # bash -c '...', quotes and all


@pytest.mark.slow
def test_out_of_stock_suggests_other_cards(story: Story) -> None:
    done = story.run("--yes", "--gpu-type", "A6000")
    assert done.returncode == 1
    assert "no machine with 3 x A6000 is free" in done.stderr
    assert "--gpu-type L40S" in done.stderr
    story.server.fail("create", query_error("There are no longer any instances available with the requested specs."))
    done = story.run("--yes", "--gpu-type", "L40S")
    assert done.returncode == 1
    assert "free now, for 3 cards" in done.stderr


@pytest.mark.slow
def test_a_refused_key_is_reported(story: Story) -> None:
    story.environment["RUNPOD_API_KEY"] = "another"
    done = story.run("--list")
    assert done.returncode == 1
    assert "RunPod does not accept RUNPOD_API_KEY" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        SERVER_ERROR,
        Fault(None),
        Fault(200, {"data": None}),
        Fault(200, None),
        query_error("Something went wrong. Please try again later or contact support."),
    ],
)
def test_storms_and_null_replies_are_tried_again_and_never_make_a_second_pod(story: Story, fault: Fault) -> None:
    story.server.fail("offers", fault)
    story.server.fail("create", fault, Fault(500, "<html>", obeyed=True))
    assert story.run("--yes", "--no-wait").returncode == 0
    assert story.made() == ["pod1"]


@pytest.mark.slow
def test_text_that_would_break_the_query_is_refused_before_it_is_sent(story: Story) -> None:
    public_key = story.home / ".ssh" / "id_ed25519.pub"
    public_key.write_text('ssh-"quoted AAAA\n')
    done = story.run("--yes")
    assert done.returncode == 2
    assert "not possible with --api graphql" in done.stderr
    assert story.server.asked("create") == []


@pytest.mark.slow
def test_logs_without_ssh_point_to_the_other_api(story: Story) -> None:
    pod = story.server.add_pod(state="RUNNING")
    story.pod.refuse("Connection refused")
    done = story.run("--logs", pod.id)
    assert done.returncode == 1
    assert "use --api rest" in done.stderr
