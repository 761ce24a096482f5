"""Every refusal before a training on Arbor: one line, with the fix, in seconds."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from http_stand_in import SILENT, Fault
from openai_server import OpenAIServer
from ports import free_port

from training.backend_api import TrainingTask
from training.config import GRPOConfig, TrainingConfig
from training.on_arbor import preflight as arbor_preflight
from training.on_arbor.client import package_dir
from training.on_arbor.gpus import GIB, GPU, inference_bytes, read_gpus, training_bytes
from training.on_arbor.preflight import (
    check_chat_end,
    check_gpus,
    check_memory,
    check_server,
    check_settings,
    is_here,
    is_serving,
    preflight,
)

if package_dir() is None:
    pytest.skip("needs arbor-ai: pip install --no-deps arbor-ai==0.2.17", allow_module_level=True)

from arbor_server import ArborServer, using

QWEN_3B = {  # Qwen/Qwen2.5-3B with adapters of rank 64 on all linear layers
    "parameters": 3_085_938_688,
    "trained": 119_734_272,
    "layers": 36,
    "hidden": 2048,
    "vocabulary": 151_936,
    "kv_per_token": 18_432,
}


def refusal(check: Callable[..., object], *args: Any) -> str:
    """The message of the ValueError that `check` raises; one line, within seconds."""
    began = time.monotonic()
    with pytest.raises(ValueError) as error:
        check(*args)
    assert time.monotonic() - began < 30
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.fixture(autouse=True)
def weights_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """In place of the real one, by which a training on this machine may be sending its weights just now."""
    port = free_port()
    monkeypatch.setattr(arbor_preflight, "WEIGHTS_PORT", port)
    return port


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingTask:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(arbor_preflight, "write_accelerate_file", lambda package: False)  # the environment is not ours
    return TrainingTask(
        student=None,  # type: ignore[arg-type]
        trainset=[],
        valset=[],
        reward=lambda *args: 0.0,
        config=TrainingConfig(),
        grpo=GRPOConfig(),
        checkpoint_dir=tmp_path / "checkpoints",
        resume=False,
        on_step=lambda record: None,
        on_validation=lambda steps, score: None,
    )


def leave_job(task: TrainingTask, pid: int) -> None:
    """As a training leaves it that was killed."""
    task.checkpoint_dir.mkdir()
    left = {"job": {"id": "grpo:qwen2.5-3b:120000-ab12:20260101", "pid": pid}, "checkpoints": {}}
    (task.checkpoint_dir / "arbor.json").write_text(json.dumps(left))


# -- the settings ------------------------------------------------------------------------------------------------------


def test_the_defaults_fit_the_default_gpus() -> None:
    check_settings(GRPOConfig(), len(TrainingConfig().training_gpus))


@pytest.mark.parametrize(
    ("changes", "gpus", "possible"),
    [
        ({"rollouts": 12}, 2, "possible: 8, 16"),  # does not divide the batch of 16: the server's 400
        ({"rollouts": 4}, 2, "possible: 8, 16"),  # fewer than 8 passes: the trainer dies, and the request hangs
        ({"rollouts": 32}, 2, "possible: 8, 16"),
        ({"rollouts": 6, "batch_size_per_device": 3}, 1, "possible: 4, 12"),  # 6 by 4 passes: two would be dropped
        ({"rollouts": 16, "batch_size_per_device": 1}, 2, "possible: 8"),
        ({"rollouts": 2, "batch_size_per_device": 1, "gradient_accumulation_steps": 1}, 1, "possible: none"),
    ],
)
def test_rollouts_that_do_not_fit_batch_and_gpus_are_refused(changes: dict[str, int], gpus: int, possible: str) -> None:
    message = refusal(check_settings, replace(GRPOConfig(), **changes), gpus)
    assert f"--rollouts {changes['rollouts']} does not fit" in message
    assert possible in message


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"prompts_per_step": 2}, "--prompts-per-step 2"),
        ({"epsilon_high": 0.28}, "--epsilon-high 0.28"),
        ({"updates_per_step": 2}, "--updates-per-step 2"),
        ({"sft_steps": 60}, "--sft-steps 60"),
    ],
)
def test_settings_that_arbor_ignores_are_refused(changes: dict[str, Any], flag: str) -> None:
    assert refusal(check_settings, replace(GRPOConfig(), **changes), 2).startswith(f"{flag}: Arbor has no such setting")


# -- the server --------------------------------------------------------------------------------------------------------


def test_no_server_comes_with_the_command_that_starts_one() -> None:
    port = free_port()
    message = refusal(check_server, f"http://127.0.0.1:{port}/v1/")
    assert f"no Arbor server at http://127.0.0.1:{port}/v1/" in message
    assert f"`python -m arbor.cli serve --host 127.0.0.1 --port {port} --arbor-config arbor.yaml`" in message


def test_an_environment_that_cannot_run_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}/v1/"
    monkeypatch.setattr(arbor_preflight.importlib.util, "find_spec", lambda name: None)
    assert "in an environment that has vLLM" in refusal(check_server, address)
    monkeypatch.setattr(arbor_preflight.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(arbor_preflight.importlib.metadata, "version", lambda name: "5.23.0")
    assert "`pip install 'transformers>=4.56.1,<5'`: it does not start with the 5.23.0" in refusal(
        check_server, address
    )
    monkeypatch.setattr(arbor_preflight.importlib.metadata, "version", lambda name: "4.57.6")
    assert refusal(check_server, address).endswith("--arbor-config arbor.yaml`")


@pytest.mark.parametrize(
    ("address", "fix"),
    [
        ("http://127.0.0.1:7453/v1", "write http://127.0.0.1:7453/v1/"),
        ("http://127.0.0.1:7453", "write http://127.0.0.1:7453/v1/"),
        ("127.0.0.1:7453/v1/", "write a whole URL"),
        ("https://x1-7453.proxy.runpod.net/v1/", "RunPod's proxy cuts every request at 100 s"),
    ],
)
def test_addresses_that_arbors_client_would_get_wrong_are_refused(address: str, fix: str) -> None:
    assert fix in refusal(check_server, address)


def test_another_server_at_the_port_is_recognised(tmp_path: Path) -> None:
    with OpenAIServer() as other:
        message = refusal(check_server, f"{other.api_base}/")
        assert f"port {other.port} is in use by something else than Arbor (status 404)" in message
        assert "`--port 7454`" in message
        assert not is_serving(f"{other.api_base}/")
    fastapi = {"openapi.json": [Fault(body={"info": {"title": "FastAPI"}})]}
    with ArborServer(tmp_path, faults=fastapi) as server:
        assert "it calls itself 'FastAPI'" in refusal(check_server, server.api_base)


def test_a_port_that_speaks_no_http_is_recognised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=lambda: listener.accept()[0].close())
        thread.start()
        message = refusal(check_server, f"http://127.0.0.1:{listener.getsockname()[1]}/v1/")
        thread.join()
    assert "does not answer" in message


@pytest.mark.slow
def test_a_server_that_hangs_is_told_to_be_restarted(tmp_path: Path) -> None:
    with ArborServer(tmp_path, faults={"openapi.json": [SILENT] * 2}) as server:
        assert "does not answer within 2 s: an Arbor server hangs after" in refusal(check_server, server.api_base)
        assert not is_serving(server.api_base)


def test_a_server_that_drips_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbor_preflight, "PROBE_SEC", 0.2)
    dripping = Fault(body={"info": {"title": "Arbor API"}}, drip_sec=30)
    with ArborServer(tmp_path, faults={"openapi.json": [dripping] * 2}) as server:
        assert "does not answer within" in refusal(check_server, server.api_base)
        assert not is_serving(server.api_base)


@pytest.mark.parametrize("described", [{"info": []}, {"info": "Arbor API"}, {"info": None}, {"paths": 3}])
def test_a_description_of_another_shape_is_another_servers(tmp_path: Path, described: object) -> None:
    with ArborServer(tmp_path, faults={"openapi.json": [Fault(body=described)] * 2}) as server:
        assert "in use by something else than Arbor" in refusal(check_server, server.api_base)
        assert not is_serving(server.api_base)


def test_a_server_of_another_version_is_recognised_by_what_it_does_not_know(tmp_path: Path) -> None:
    with ArborServer(tmp_path) as server:
        described = arbor_preflight._describe(server.api_base)
    del described["components"]["schemas"]["ArborGRPOConfigRequest"]["properties"]["max_seq_len"]
    with ArborServer(tmp_path, faults={"openapi.json": [Fault(body=described)]}) as server:
        message = refusal(check_server, server.api_base)
    assert "is not arbor-ai 0.2.17: it does not know max_seq_len; run `pip install arbor-ai==0.2.17`" in message


def test_a_server_of_the_right_version_passes(tmp_path: Path) -> None:
    with ArborServer(tmp_path) as server:
        assert is_serving(server.api_base)
        check_server(server.api_base)


def test_another_version_of_the_client_is_refused(task: TrainingTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.on_arbor.client.importlib.metadata.version", lambda name: "0.2.16")
    assert "arbor-ai 0.2.16 is installed, and only 0.2.17 is known to work" in refusal(preflight, task)
    monkeypatch.setattr("training.on_arbor.client.package_dir", lambda: None)
    assert "`pip install --no-deps arbor-ai==0.2.17`" in refusal(preflight, task)


# -- the cards ---------------------------------------------------------------------------------------------------------


def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *rows: str, exit_code: int = 0) -> None:
    """A program of that name on the path, that lists `rows`."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    script = ["#!/bin/sh", "cat <<'END'", *rows, "END", f"exit {exit_code}"]
    (folder / "nvidia-smi").write_text("\n".join(script) + "\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_cards_are_read_from_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "0, NVIDIA L40S, 46068, 4", "1, NVIDIA L40S, 46068, 30100")
    assert read_gpus() == [
        GPU(0, "NVIDIA L40S", 46068 * 2**20, is_idle=True),
        GPU(1, "NVIDIA L40S", 46068 * 2**20, is_idle=False),
    ]


def test_a_driver_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "NVIDIA-SMI has failed", exit_code=9)
    assert "nvidia-smi does not list the GPUs" in refusal(read_gpus)


def test_fewer_gpus_than_asked_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "0, NVIDIA L40S, 46068, 4", "1, NVIDIA L40S, 46068, 4")
    message = refusal(check_gpus, TrainingConfig(), GRPOConfig())
    assert message.startswith("3 GPUs are asked for (0,1,2) and 2 are idle (0,1)")
    assert "--backend local" in message


def test_a_machine_that_cannot_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    far = replace(TrainingConfig(), api_base="http://192.0.2.1:7453/v1/")
    (note,) = check_gpus(far, GRPOConfig())
    assert "another machine" in note
    monkeypatch.setenv("PATH", "/nowhere")
    (note,) = check_gpus(TrainingConfig(), GRPOConfig())
    assert "no nvidia-smi here" in note


def test_a_server_behind_an_ssh_tunnel_is_not_looked_for_here(tmp_path: Path) -> None:
    """The tunnel is a process of that name that listens: Python, under a link called ssh."""
    (tmp_path / "ssh").symlink_to(sys.executable)
    script = (
        "import socket, sys; listener = socket.create_server(('127.0.0.1', 0));"
        "print(listener.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [tmp_path / "ssh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tunnel:
        assert tunnel.stdout is not None
        api_base = f"http://127.0.0.1:{int(tunnel.stdout.readline())}/v1/"
        assert not is_here(api_base)
        (note,) = check_gpus(replace(TrainingConfig(), api_base=api_base), GRPOConfig())
        assert "another machine" in note
        message = refusal(check_chat_end, replace(TrainingConfig(), api_base=api_base))
        assert "Qwen/Qwen2.5-3B-Instruct" in message
        tunnel.communicate()
    with ArborServer(tmp_path) as server:
        assert is_here(server.api_base)
        check_chat_end(replace(TrainingConfig(), api_base=server.api_base))


def test_a_second_training_on_the_machine_is_refused(weights_port: int) -> None:
    with socket.create_server(("127.0.0.1", weights_port)):
        assert f"port {weights_port} is in use" in refusal(check_gpus, TrainingConfig(), GRPOConfig())


def test_the_default_model_is_estimated_to_fit_48_gib_and_not_24() -> None:
    needed = training_bytes(QWEN_3B, GRPOConfig(), training_gpus=2)
    assert 24 * GIB < needed < 44 * GIB
    assert inference_bytes(QWEN_3B, inference_gpus=1) < 8 * GIB


def test_the_estimate_grows_with_what_takes_memory() -> None:
    base = training_bytes(QWEN_3B, GRPOConfig(), 2)
    assert training_bytes(QWEN_3B, replace(GRPOConfig(), max_prompt_length=2048), 2) < base
    assert training_bytes(QWEN_3B, replace(GRPOConfig(), rollouts=8), 2) < base
    assert training_bytes(QWEN_3B, replace(GRPOConfig(), gradient_checkpointing=False), 2) > base
    assert training_bytes(QWEN_3B, GRPOConfig(), 1) > base


def test_cards_that_are_too_small_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers", reason="the estimate reads the model's config with it")
    monkeypatch.setattr("training.local.preflight.model_shape", lambda model, grpo: QWEN_3B)
    small, large = (GPU(1, "NVIDIA RTX 4090", 24 * GIB, True), GPU(2, "NVIDIA L40S", 45 * GIB, True))
    message = refusal(check_memory, TrainingConfig(), GRPOConfig(), [large], [large, small])
    assert "GPU 1, NVIDIA RTX 4090, has 24.0" in message
    assert "--max-prompt-length 2048" in message
    notes = check_memory(TrainingConfig(), GRPOConfig(), [small], [large])
    assert [note.partition(":")[0] for note in notes] == ["training", "inference"]


# -- together ----------------------------------------------------------------------------------------------------------


def test_a_preflight_that_passes_leaves_the_servers_settings(task: TrainingTask, tmp_path: Path) -> None:
    with ArborServer(tmp_path / "storage") as server:
        notes = preflight(using(server, task))
        assert preflight(using(server, task)) == notes[1:]
        assert server.paths() == ["openapi.json"] * 2
    assert notes[0] == "arbor.yaml written: the settings of the server"
    assert (tmp_path / "arbor.yaml").is_file()


def test_the_settings_are_there_before_the_server_that_needs_them(task: TrainingTask, tmp_path: Path) -> None:
    away = replace(task, config=replace(task.config, api_base=f"http://127.0.0.1:{free_port()}/v1/"))
    assert "--arbor-config arbor.yaml" in refusal(preflight, away)
    assert (tmp_path / "arbor.yaml").is_file()


def test_a_job_that_an_earlier_training_left_running_is_cancelled(task: TrainingTask, tmp_path: Path) -> None:
    leave_job(task, pid=2**22 + 1)  # above the largest that Linux gives
    left = {"job_id": "x", "status": "cancelled", "current_model": "x"}
    with ArborServer(tmp_path / "storage", faults={"cancel": [Fault(body=left)]}) as server:
        notes = preflight(using(server, task))
        assert "cancelled grpo:qwen2.5-3b:120000-ab12:20260101, which an earlier training left running" in notes
        preflight(using(server, task))
        assert server.paths().count("cancel") == 1


def test_a_training_that_still_runs_is_not_disturbed(task: TrainingTask, tmp_path: Path) -> None:
    leave_job(task, pid=os.getppid())
    with ArborServer(tmp_path / "storage") as server:
        assert f"process {os.getppid()} is training into" in refusal(preflight, using(server, task))
        assert "cancel" not in server.paths()


def test_a_leftover_job_that_is_not_cancelled_is_told(
    task: TrainingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arbor_preflight, "_CANCEL_SEC", 1.0)
    leave_job(task, pid=2**22 + 1)
    with ArborServer(tmp_path / "storage", faults={"cancel": [SILENT]}) as server:
        assert "cannot be cancelled: restart the Arbor server" in refusal(preflight, using(server, task))


def test_settings_that_are_no_yaml_are_refused(task: TrainingTask, tmp_path: Path) -> None:
    (tmp_path / "arbor.yaml").write_text("storage_path: [")
    assert "arbor.yaml: is not YAML" in refusal(preflight, task)


@pytest.mark.parametrize("content", ["{", "[]", '{"checkpoints": {"last": {"place": "/x"}}}'])
def test_a_checkpoint_folder_that_cannot_be_read_is_refused(task: TrainingTask, content: str) -> None:
    task.checkpoint_dir.mkdir()
    (task.checkpoint_dir / "arbor.json").write_text(content)
    assert "name another --checkpoint-dir" in refusal(preflight, task)
