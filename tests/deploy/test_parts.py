"""The modules beside arbor/deploy.py, loaded by path as it loads them, and what holds for the folder as a whole."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest
from deploy_story import DEPLOY, KEY
from http_stand_in import Fault, FixedAnswers
from hypothesis import given
from hypothesis import strategies as st
from runpod_server import RunPodServer

ARBOR = DEPLOY.parent
NEIGHBOURS = {path.stem for path in ARBOR.glob("*.py")}
MAY_IMPORT = {"rich", "runpod", "requests"}  # and the standard library


@pytest.fixture(scope="module")
def load() -> Iterator[Any]:
    """Import a module of arbor/ by its name, as `python arbor/deploy.py` does; afterwards none is left."""
    sys.path.insert(0, str(ARBOR))

    def import_neighbour(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield import_neighbour
    sys.path.remove(str(ARBOR))
    for name in NEIGHBOURS:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def request_for(load: Any) -> Any:
    """A PodRequest with some fields of one's own."""
    catalog, pod_request = load("gpu_catalog"), load("pod_request")

    def make(**fields: Any) -> Any:
        usual = {
            "name": "n",
            "card": catalog.CARDS[0],
            "gpu_count": 3,
            "cloud": "SECURE",
            "image": "x/y:1",
            "disk_gb": 60,
        }
        usual |= {"volume_gb": 80, "network_volume_id": None, "data_center_id": None, "max_hours": 6.0}
        usual |= {"model": "a/b", "deployment": "20260101T000000Z-abcdef", "public_key": None, "public_token": None}
        return pod_request.PodRequest(**(usual | fields))

    return make


# -- the folder --------------------------------------------------------------------------------------------------------


def test_the_folder_is_no_package_and_shadows_nothing() -> None:
    assert not (ARBOR / "__init__.py").exists()  # it would win over the installed arbor-ai
    assert NEIGHBOURS & sys.stdlib_module_names == set()
    assert NEIGHBOURS & set(importlib.metadata.packages_distributions()) == set()


def test_nothing_of_the_project_is_imported_from_outside_the_folder() -> None:
    found = set()
    for path in ARBOR.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                found.add(str(node.module).split(".")[0])
    assert found - sys.stdlib_module_names - NEIGHBOURS <= MAY_IMPORT


# -- cards -------------------------------------------------------------------------------------------------------------


def test_each_card_is_found_by_its_name_and_by_runpods_id(load: Any) -> None:
    catalog = load("gpu_catalog")
    for card in catalog.CARDS:
        for text in (card.name, card.name.lower(), card.gpu_id, card.gpu_id.upper(), card.name.replace("-", " ")):
            assert catalog.card_named(text) is card
    assert catalog.card_named("RTX 4090").gpu_id == "NVIDIA GeForce RTX 4090"


@given(text=st.text(st.characters(exclude_categories=["Nd"]), max_size=30))  # every card has a digit in its name
def test_any_other_text_is_refused_with_the_list(load: Any, text: str) -> None:
    catalog = load("gpu_catalog")
    with pytest.raises(ValueError, match="--gpu-type") as refusal:
        catalog.card_named(text)
    assert all(card.name in str(refusal.value) for card in catalog.CARDS)


# -- the command that starts a pod -------------------------------------------------------------------------------------


def test_the_start_command_passes_a_query_text_and_a_shell_unharmed(request_for: Any) -> None:
    command = request_for().start_command
    assert re.fullmatch(r"bash -c '[^'\"\\\n]*'", command)
    assert command == request_for().start_command  # the same bytes each time
    assert len(command) < 100_000  # one argument of a process may have 128 KiB


@given(max_hours=st.floats(0.001, 168), gpu_count=st.integers(2, 8), disk_gb=st.integers(20, 500))
def test_what_is_asked_for_is_what_is_sent_by_either_api(
    load: Any, request_for: Any, max_hours: float, gpu_count: int, disk_gb: int
) -> None:
    request = request_for(max_hours=max_hours, gpu_count=gpu_count, disk_gb=disk_gb)
    body = load("runpod_rest").create_body(request)
    arguments = load("runpod_graphql").create_arguments(request)
    assert body["gpu"]["count"] == arguments["gpu_count"] == gpu_count
    assert body["disk"] == arguments["container_disk_in_gb"] == disk_gb
    assert body["args"] == arguments["docker_args"]
    assert body["env"] == arguments["env"]
    assert float(body["env"]["ARBOR_MAX_HOURS"]) == pytest.approx(max_hours, rel=1e-4)
    assert ",".join(body["ports"]) == arguments["ports"]


# -- patience ----------------------------------------------------------------------------------------------------------


def test_an_api_that_hangs_is_given_up_and_asked_again(load: Any) -> None:
    api_module, rest = load("runpod_api"), load("runpod_rest")
    with RunPodServer(key=KEY) as server:
        server.add_pod()
        server.fail("pods", Fault(200, {}, delay_sec=30))
        api = rest.RestApi(KEY, server.base_url, timeout_sec=0.3)
        said: list[str] = []
        assert [pod.id for pod in api_module.Patience(first_wait_sec=0.01).retry(api.pods, said.append)] == ["pod1"]
    assert len(said) == 1
    assert "no answer from http://127.0.0.1" in said[0]


def test_the_key_does_not_follow_a_redirect(load: Any) -> None:
    types, rest = load("runpod_types"), load("runpod_rest")
    with RunPodServer(key=KEY) as elsewhere, RunPodServer(key=KEY) as server:
        server.fail("pods", Fault(302, {}, {"Location": f"{elsewhere.base_url}/v2/pods"}))
        with pytest.raises(types.RequestRefusedError, match="RunPod answered 302"):
            rest.RestApi(KEY, server.base_url).pods()
        assert elsewhere.requests == []


def test_waits_double_and_the_last_failure_is_raised(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api_module, types = load("runpod_api"), load("runpod_types")
    waits: list[float] = []
    monkeypatch.setattr(api_module.time, "sleep", waits.append)

    def ask() -> None:
        raise types.TransientError(f"failure {len(waits)}", retry_after_sec=9 if len(waits) == 2 else None)

    with pytest.raises(types.TransientError, match="failure 4"):
        api_module.Patience(attempts=5, first_wait_sec=1).retry(ask, lambda _: None)
    assert waits == [1, 2, 9, 8]


def test_a_refusal_is_not_repeated(load: Any) -> None:
    api_module, types = load("runpod_api"), load("runpod_types")
    calls: list[int] = []

    def ask() -> None:
        calls.append(1)
        raise types.RequestRefusedError("no")

    with pytest.raises(types.RequestRefusedError):
        api_module.Patience().retry(ask, lambda _: None)
    assert calls == [1]


# -- text --------------------------------------------------------------------------------------------------------------


def test_durations_read_as_people_say_them(load: Any) -> None:
    duration_text = load("deploy_output").duration_text
    assert [duration_text(one) for one in (None, 59, 61, 3600, 3 * 3600 + 5 * 60)] == [
        *("-", "0 min", "1 min", "1 h 00 min", "3 h 05 min")
    ]


# -- the README --------------------------------------------------------------------------------------------------------


def test_the_readme_names_no_flag_that_is_not_there(load: Any) -> None:
    flags = {flag for action in load("deploy").build_parser()._actions for flag in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ARBOR / "README.md").read_text()))
    of_others = {"--mode", "--backend", "--api-base", "--no-deps"}  # train.py and pip
    assert named - flags == of_others


# -- exit status -------------------------------------------------------------------------------------------------------


def test_only_bad_input_is_reported_as_bad_input(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy = load("deploy")
    monkeypatch.setattr(deploy.signal, "signal", lambda *_: None)
    for error in (load("usage_error").UsageError("--flag: no"), ValueError("a bug")):
        monkeypatch.setattr(deploy, "run", Mock(side_effect=error))
        if type(error) is ValueError:
            with pytest.raises(ValueError, match="a bug"):
                deploy.main(["--list"])
        else:
            assert deploy.main(["--list"]) == 2


def test_an_answer_of_runpods_that_drips_is_given_up_while_a_pod_may_cost_money(load: Any) -> None:
    with FixedAnswers({"/v2/pods": Fault(body={"pods": []}, drip_sec=30)}) as server:
        api = load("runpod_rest").RestApi(KEY, server.base_url, timeout_sec=0.2)
        with pytest.raises(load("runpod_types").TransientError, match=r"no whole answer from .* in 0\.4 s"):
            api.pods()


@pytest.mark.parametrize("ask", ["pods", "terminate", "data_center_of"])
def test_an_answer_of_graphql_that_drips_is_given_up_too(load: Any, ask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("runpod")
    with FixedAnswers({"/graphql": Fault(body={"data": {}}, drip_sec=30)}) as server:
        monkeypatch.setenv("RUNPOD_API_BASE_URL", server.base_url)
        api = load("runpod_graphql").GraphQLApi(KEY, server.base_url, most_sec=0.4)
        arguments = () if ask == "pods" else ("a",)
        with pytest.raises(load("runpod_types").TransientError, match=r"no whole answer from .* in 0\.4 s"):
            getattr(api, ask)(*arguments)


def test_the_log_of_a_pod_that_never_pauses_ends_with_its_tail(load: Any) -> None:
    pieces = tuple(f'data: {{"ts": "t", "line": "{number}"}}\n\n' for number in range(10_000))
    stream = Fault(body="", headers={"Content-Type": "text/event-stream"}, pieces=pieces, pause_sec=0.02)
    with FixedAnswers({"/v2/pods/a/logs?tail=5": stream, "/v2/pods/a/logs": stream}) as server:
        api = load("runpod_rest").RestApi(KEY, server.base_url)
        assert api.log_lines("a", 5) == [f"t {number}" for number in range(5)]
