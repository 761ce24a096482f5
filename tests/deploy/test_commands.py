"""arbor/deploy.py from the command line, against a stand-in of RunPod's REST API and a stand-in of ssh.

Every test ends by looking for the planted key in all that was said and sent (`Story.check_key`).
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy_story import DEPLOY, KEY, PUBLIC_KEY, Story, open_story
from http_stand_in import Fault
from ports import free_port
from runpod_server import problem
from waiting import DEADLINE_SEC, wait_for

READY = "ready Arbor answers on port 7453 of the pod's loopback"
SERVER_ERROR = Fault(500, "<html>Internal Server Error</html>")
LOST = Fault(None)  # the connection breaks
OBEYED_AND_LOST = Fault(502, "<html>Bad Gateway</html>", obeyed=True)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with open_story(tmp_path, "rest") as story:
        yield story


def phases_in(stderr: str) -> list[str]:
    names = re.findall(r"^(provisioning|container start|installation|server):", stderr, re.M)
    return list(dict.fromkeys(names))


def said(process: subprocess.Popen[str], pattern: str) -> str:
    """Read what a running deploy.py says until it has said that."""
    assert process.stderr is not None
    heard = ""
    while not re.search(pattern, heard):
        part = os.read(process.stderr.fileno(), 4096).decode()
        assert part, f"deploy.py ended without {pattern!r}; it said:\n{heard}"
        heard += part
    return heard


# -- what would be made ------------------------------------------------------------------------------------------------


def test_help_shows_commands_to_paste_and_imports_nothing_heavy() -> None:
    code = f"import runpy, sys; sys.argv = [{str(DEPLOY)!r}, '--help']; sys.path.insert(0, {str(DEPLOY.parent)!r})\n"
    code += f"try: runpy.run_path({str(DEPLOY)!r}, run_name='__main__')\nexcept SystemExit: pass\n"
    code += "print({'rich', 'runpod', 'requests'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "python arbor/deploy.py --terminate POD_ID" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"


def test_dry_run_makes_nothing_and_shows_price_and_availability(story: Story) -> None:
    done = story.run("--dry-run")
    assert done.returncode == 0
    assert "3 x A100 (80 GB each), secure cloud" in done.stdout
    assert "4.52 USD/h with its disks, 27.12 USD for 6 h" in done.stdout  # 3 x 1.50, and 140 GB at 0.10 USD a month
    assert "high  (EU-RO-1 low, US-KS-2 high)" in done.stdout
    assert story.made() == []


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--gpu-type", "l40s", "--gpu-count", "2", "--data-center", "US-TX-3", "--max-hours", "0.5", "--public"),
        ("--network-volume", "vol-1", "--disk-gb", "100", "--name", "two words", "--cloud", "secure"),
    ],
)
def test_runpod_accepts_the_body_that_a_dry_run_shows(story: Story, flags: tuple[str, ...]) -> None:
    document = json.loads(story.run("--dry-run", "--json", *flags).stdout)
    request = urllib.request.Request(
        document["request"]["url"],
        json.dumps(document["request"]["body"]).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        method=document["request"]["method"],
    )
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 201


def test_dry_run_without_a_key_asks_nobody(story: Story) -> None:
    del story.environment["RUNPOD_API_KEY"]
    done = story.run("--dry-run", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["request"]["body"]["gpu"]["id"] == "NVIDIA A100-SXM4-80GB"
    assert story.server.requests == []
    assert "no RUNPOD_API_KEY: RunPod was not asked" in story.run("--dry-run").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--gpu-type", "A10"], "did you mean A100?"),
        (["--gpu-type", "5090"], "a Blackwell card: torch 2.7.1"),
        (["--gpu-type", "NVIDIA B200"], "has no kernels for it"),
        (["--gpu-type", "V100"], "older than Ampere"),
        (["--gpu-type", "MI300X"], "an AMD card"),
        (["--gpu-count", "1"], "one card for inference and one for training"),
        (["--gpu-count", "9"], "a machine with A100 has at most 8"),
        (["--gpu-type", "L4"], "RunPod has none in its secure cloud"),
        (["--name", 'quoted "name"'], "--name 'quoted \"name\"': expected letters"),
        (["--image", "evil; rm -rf"], "--image 'evil; rm -rf': expected repository/image:tag"),
        (["--model", "gpt-4"], "--model 'gpt-4': expected the id of a model on Hugging Face"),
        (["--data-center", "us"], "--data-center 'us': expected an id such as US-KS-2"),
        (["--volume-gb", "10"], "--volume-gb 10: at least 40"),
        (["--disk-gb", "5"], "--disk-gb 5: at least 20"),
        (["--max-hours", "0"], "--max-hours 0: more than 0"),
        (["--max-hours", "nan"], "--max-hours nan: more than 0"),
        (["--network-volume", "vol-1", "--cloud", "community"], "secure cloud only"),
        (["--network-volume", "vol-1", "--data-center", "US-KS-2"], "the network volume vol-1 is in EU-RO-1"),
        (["--ssh-key", "/nowhere/key"], "/nowhere/key.pub cannot be read"),
        (["--network-volume", "vol-1", "--volume-gb", "50"], "one of them is at /workspace, not both"),
        (["--tail", "0"], "argument --tail: expected 1 to 5000, got 0"),
        (["--poll-seconds", "soon"], "argument --poll-seconds: invalid number value: 'soon'"),
        (["--all"], "--all goes with --terminate"),
        (["--terminate"], "name the pods"),
        (["--terminate", "../pods"], "'../pods' is no pod id"),
        (["--list", "--dry-run"], "not allowed with argument"),
    ],
)
def test_bad_input_gets_one_line_and_makes_nothing(story: Story, flags: list[str], complaint: str) -> None:
    done = story.run("--yes", *flags)
    assert done.returncode == 2
    assert complaint in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert story.server.asked("create") == []


def test_without_a_key_the_message_says_what_to_do(story: Story) -> None:
    del story.environment["RUNPOD_API_KEY"]
    done = story.run("--list")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("deploy.py: no RUNPOD_API_KEY: make a key in RunPod's console")


@pytest.mark.parametrize("between", [" ", "\n", "é"])
def test_a_mangled_key_is_reported_without_showing_it(story: Story, between: str) -> None:
    story.environment["RUNPOD_API_KEY"] = f"first{between}second"
    done = story.run("--list")
    assert done.returncode == 2
    assert "RUNPOD_API_KEY has characters that no key has" in done.stderr
    assert "second" not in done.stderr


def test_spaces_around_the_key_do_no_harm(story: Story) -> None:
    story.environment["RUNPOD_API_KEY"] = f" {KEY}\n"
    assert story.run("--list").returncode == 0


def test_a_refused_key_is_reported_without_showing_it(story: Story) -> None:
    story.environment["RUNPOD_API_KEY"] = KEY[:-1]
    done = story.run("--yes")
    assert done.returncode == 1
    assert "RunPod does not accept RUNPOD_API_KEY" in done.stderr
    assert KEY[:-1] not in done.stderr


def test_a_key_that_runpod_repeats_is_blotted_out(story: Story) -> None:
    story.server.fail("pods", problem(403, f"the key {KEY} lacks a scope"))
    done = story.run("--list")
    assert "the key *** lacks a scope" in done.stderr


# -- making one --------------------------------------------------------------------------------------------------------


def test_creation_waits_through_all_phases_until_arbor_answers(story: Story) -> None:
    story.pod.set_phase("pod1", "installing packages")
    process = story.start("--yes", "--json")
    heard = said(process, "installation: packages")
    story.pod.set_phase("pod1", "server starting Arbor")
    heard += said(process, "server: starting Arbor")
    story.pod.set_phase("pod1", READY)
    done = story.finish(process)
    assert done.returncode == 0
    assert phases_in(heard) == ["provisioning", "container start", "installation", "server"]
    document = json.loads(done.stdout)
    assert document["pod_id"] == "pod1"
    assert document["ready"] is True
    assert document["ssh_tunnel"] == "ssh -N -L 7453:127.0.0.1:7453 root@127.0.0.1 -p 2222"
    assert any("-L" in call["argv"] for call in story.pod.calls)  # the tunnel was tried, not only promised


def test_the_pod_is_private_and_gets_the_public_half_of_the_ssh_key(story: Story) -> None:
    assert story.run("--yes", "--no-wait", "--max-hours", "2").returncode == 0
    settings = story.server.pods["pod1"].settings
    assert settings["ports"] == ["22/tcp"]
    assert settings["env"]["PUBLIC_KEY"] == PUBLIC_KEY  # without its comment, which names a person
    assert settings["env"]["ARBOR_MAX_HOURS"] == "2"
    assert set(settings["env"]) == {
        *("ARBOR_DEPLOYMENT", "ARBOR_IDLE_MINUTES", "ARBOR_MAX_HOURS", "ARBOR_MODEL", "PUBLIC_KEY")
    }


def test_a_key_of_ones_own_is_used_and_is_in_the_commands_to_paste(story: Story) -> None:
    own = story.home / "my key"
    Path(f"{own}.pub").write_text("ssh-rsa AAAAOwn me\n")
    story.pod.set_phase("pod1", READY)
    done = story.run("--yes", "--ssh-key", str(own))
    assert story.server.pods["pod1"].settings["env"]["PUBLIC_KEY"] == "ssh-rsa AAAAOwn"
    assert all(call["argv"][call["argv"].index("-i") + 1] == str(own) for call in story.pod.calls)
    assert f"--tunnel pod1 --ssh-key '{own}'" in done.stdout
    assert f"scp -r -i '{own}' -P 2222 root@127.0.0.1:/workspace/arbor/pod1/dot-arbor/storage" in done.stdout


def test_ssh_gets_neither_the_key_nor_its_name(story: Story) -> None:
    story.pod.set_phase("pod1", READY)
    assert story.run("--yes").returncode == 0
    assert story.pod.calls
    assert not any("RUNPOD_API_KEY" in call["environment"] for call in story.pod.calls)


def test_public_serves_under_a_secret_path_and_warns(story: Story) -> None:
    done = story.run("--yes", "--no-wait", "--public", "--json")
    settings = story.server.pods["pod1"].settings
    token = settings["env"]["ARBOR_PUBLIC_TOKEN"]
    assert settings["ports"] == ["22/tcp", "7454/http"]
    assert json.loads(done.stdout)["public_api_base"] == f"https://pod1-7454.proxy.runpod.net/{token}/v1/"
    assert len(token) == 40
    assert "has no password" in done.stderr
    assert "cuts requests at 100 s" in done.stderr


def test_the_price_is_shown_before_the_question_and_no_means_no(story: Story) -> None:
    done = story.run(stdin="n\n")
    assert done.returncode == 1
    assert done.stderr.index("4.52 USD/h") < done.stderr.index("Make it? [y/N]")
    assert "nothing was made" in done.stderr
    assert story.server.asked("create") == []
    assert story.run("--no-wait", stdin="y\n").returncode == 0
    assert story.made() == ["pod1"]


def test_without_anybody_to_ask_yes_is_demanded(story: Story) -> None:
    done = story.run()
    assert done.returncode == 2
    assert "add --yes" in done.stderr
    assert story.made() == []


def test_a_network_volume_decides_on_the_data_center(story: Story) -> None:
    assert story.run("--yes", "--no-wait", "--network-volume", "vol-1").returncode == 0
    body = json.loads(story.server.asked("create")[0].text)
    assert body["dataCenterIds"] == ["EU-RO-1"]
    assert body["mounts"] == {"network": [{"volumeId": "vol-1", "path": "/workspace"}]}
    assert "this account has no such volume" in story.run("--yes", "--network-volume", "vol-2").stderr


def test_the_machine_must_offer_the_cuda_of_the_image_and_of_torch(story: Story) -> None:
    for image, version in (("runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404", "12.8"), ("x/y:1", "12.6")):
        document = json.loads(story.run("--dry-run", "--json", "--image", image).stdout)
        assert document["request"]["body"]["gpu"]["minCudaVersion"] == version


# -- out of stock ------------------------------------------------------------------------------------------------------


def test_out_of_stock_suggests_other_cards_with_their_prices(story: Story) -> None:
    done = story.run("--yes", "--gpu-type", "A6000")
    assert done.returncode == 1
    assert "no machine with 3 x A6000 is free" in done.stderr
    lines = [line for line in done.stderr.splitlines() if "--gpu-type" in line]
    assert [re.findall(r"--gpu-type (\S+)", line)[0] for line in lines] == ["4090", "L40S", "A100", "H100"]
    assert lines[1].split() == ["2.25", "USD/h", "--gpu-type", "L40S", "48", "GB", "(US-TX-3", "medium)"]
    assert story.server.asked("create") == []


def test_out_of_stock_in_one_data_center_shows_the_others(story: Story) -> None:
    done = story.run("--yes", "--gpu-type", "L40S", "--data-center", "US-KS-2")
    assert "is free in US-KS-2 (secure cloud)" in done.stderr
    assert "--gpu-type L40S" in done.stderr
    assert "(US-TX-3 medium)" in done.stderr


def test_stock_that_goes_between_price_and_creation_is_reported_alike(story: Story) -> None:
    story.server.fail("create", problem(400, "no longer any instances available with the requested specifications"))
    done = story.run("--yes", "--json")
    assert done.returncode == 1
    assert "free now, for 3 cards" in done.stderr
    assert json.loads(done.stdout)["terminated"] is True
    assert story.made() == []


def test_an_empty_account_is_no_reason_to_try_again(story: Story) -> None:
    story.server.fail("create", problem(402, "insufficient balance"))
    done = story.run("--yes")
    assert done.returncode == 1
    assert "the account's balance does not suffice" in done.stderr
    assert len(story.server.asked("create")) == 1


# -- an API that fails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [SERVER_ERROR, LOST, Fault(200, None), Fault(200, "not JSON"), problem(429, "slow down")]
)
def test_transient_failures_are_tried_again(story: Story, fault: Fault) -> None:
    story.server.fail("offers", fault, fault)
    story.server.fail("create", fault, fault)
    assert story.run("--yes", "--no-wait").returncode == 0
    assert story.made() == ["pod1"]


@pytest.mark.parametrize("fault", [OBEYED_AND_LOST, Fault(None, obeyed=True), Fault(201, None, obeyed=True)])
def test_a_lost_answer_never_makes_a_second_pod(story: Story, fault: Fault) -> None:
    story.server.fail("create", fault)
    done = story.run("--yes", "--no-wait", "--json")
    assert json.loads(done.stdout)["pod_id"] == "pod1"
    assert story.made() == ["pod1"]


def test_how_long_to_wait_is_taken_from_the_answer(story: Story) -> None:
    story.server.fail("offers", problem(429, "slow down", Retry_After="1"))
    assert "trying again in 1 s" in story.run("--dry-run").stderr


def test_a_storm_during_the_wait_is_waited_out(story: Story) -> None:
    story.pod.set_phase("pod1", READY)
    story.server.fail("pod", *[SERVER_ERROR] * 8, LOST, Fault(200, None))
    done = story.run("--yes")
    assert done.returncode == 0
    assert "provisioning: RunPod's API: RunPod answered 500" in done.stderr


def test_an_endless_storm_leaves_no_pod_and_says_so(story: Story) -> None:
    story.server.fail("create", *[SERVER_ERROR] * 20)
    done = story.run("--yes")
    assert done.returncode == 1
    assert "RunPod answered 500" in done.stderr
    assert "RunPod shows no pod of this run" in done.stderr


# -- a pod that fails --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("state", ["ERROR", "EXITED"])
def test_a_pod_that_breaks_is_terminated(story: Story, state: str) -> None:
    story.pod.set_phase("pod1", "installing packages")
    process = story.start("--yes")
    said(process, "installation: packages")
    story.pod.refuse("Connection refused")
    story.server.pods["pod1"].state = state
    done = story.finish(process)
    assert done.returncode == 1
    assert f"pod pod1 is {state}" in done.stderr
    assert story.server.terminated == ["pod1"]


def test_a_pod_that_somebody_else_ends_is_noticed(story: Story) -> None:
    process = story.start("--yes")
    said(process, "container start")
    story.server.pods.clear()
    done = story.finish(process)
    assert done.returncode == 1
    assert "pod pod1 is gone" in done.stderr


def test_a_failed_installation_is_told_and_the_pod_terminated(story: Story) -> None:
    story.pod.set_phase("pod1", "failed driver 535.1 is too old for CUDA 12.6")
    story.pod.set_log("pod1", "startup", "cards: an old one\n")
    done = story.run("--yes", "--json")
    assert done.returncode == 1
    assert "cards: an old one" in done.stderr  # its log goes with the pod: it is shown before
    assert "installation on the pod failed: driver 535.1 is too old" in done.stderr
    assert json.loads(done.stdout) == {
        "action": "create",
        "error": "installation on the pod failed: driver 535.1 is too old for CUDA 12.6",
        "pod_id": "pod1",
        "terminated": True,
    }
    assert story.server.terminated == ["pod1"]


def test_a_timeout_ends_the_wait_and_the_pod(story: Story) -> None:
    story.pod.set_phase("pod1", "installing packages")
    done = story.run("--yes", "--timeout-minutes", "0.02")
    assert "not ready after 0.02 minutes, in the phase 'installation'" in done.stderr
    assert story.server.terminated == ["pod1"]


@pytest.mark.slow
def test_a_server_that_says_ready_but_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    with open_story(tmp_path, "rest") as story:
        script = story.pod.bin / "ssh"
        script.write_text(re.sub(r'\("127.0.0.1", \d+\)', '("127.0.0.1", 1)', script.read_text()))
        story.pod.set_phase("pod1", READY)
        assert story.run("--yes", "--timeout-minutes", "0.02").returncode == 1


@pytest.mark.slow
def test_a_key_that_the_pod_does_not_know_is_the_reason_given(story: Story) -> None:
    story.pod.refuse("root@127.0.0.1: Permission denied (publickey).")
    done = story.run("--yes")
    assert done.returncode == 1
    assert "the pod does not know your key: deploy with --ssh-key FILE" in done.stderr
    assert story.server.terminated == ["pod1"]


@pytest.mark.slow
def test_a_machine_without_a_public_address_is_given_up(story: Story) -> None:
    story.server.has_public_ip = False
    done = story.run("--yes", "--cloud", "community")
    assert done.returncode == 1
    assert "no public address for SSH: try --cloud secure" in done.stderr
    assert story.server.terminated == ["pod1"]


def test_keep_on_failure_leaves_the_pod_and_prints_how_to_end_it(story: Story) -> None:
    story.pod.set_phase("pod1", "failed no Python")
    done = story.run("--yes", "--keep-on-failure", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["terminated"] is False
    assert f"python {DEPLOY} --terminate pod1" in done.stderr
    assert list(story.server.pods) == ["pod1"]


def test_a_pod_that_cannot_be_terminated_is_never_passed_over_in_silence(story: Story) -> None:
    story.pod.set_phase("pod1", "failed no Python")
    story.server.fail("terminate", *[SERVER_ERROR] * 20)
    done = story.run("--yes", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["terminated"] is False
    assert "pod pod1 may still run and cost money" in done.stderr
    assert f"python {DEPLOY} --terminate pod1, or in https://" in done.stderr


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def test_ctrl_c_at_the_question_makes_nothing(story: Story) -> None:
    process = story.start()
    said(process, re.escape("Make it? [y/N]"))
    story.interrupt(process)
    done = story.finish(process)
    assert done.returncode == 1
    assert "nothing was made" in done.stderr
    assert story.made() == []


def test_ctrl_c_while_runpod_makes_the_pod_finds_and_ends_it(story: Story) -> None:
    story.server.fail("create", Fault(200, obeyed=True, delay_sec=60))
    process = story.start("--yes")
    wait_for(lambda: story.server.pods, "a pod")
    story.interrupt(process)
    done = story.finish(process)
    assert done.returncode == 1
    assert "pod pod1 is terminated" in done.stderr
    assert story.server.terminated == ["pod1"]


def test_a_pod_that_runpod_makes_a_moment_after_ctrl_c_is_found_too(story: Story) -> None:
    story.server.fail("create", Fault(500, delay_sec=60))
    process = story.start("--yes", "--poll-seconds", "1")
    wait_for(lambda: story.server.asked("create"), "a request to create")
    token = json.loads(story.server.asked("create")[0].text)["env"]["ARBOR_DEPLOYMENT"]
    story.interrupt(process)
    wait_for(lambda: story.server.asked("pods"), "a look")
    story.server.add_pod("late", deployment=token)
    assert story.finish(process).returncode == 1
    assert story.server.terminated == ["pod1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "looks", "state"),
    [
        ("provisioning", 10_000, None),
        ("container start", 0, "STARTING"),
        ("installation", 0, "installing packages"),
        ("server", 0, "server starting Arbor"),
    ],
)
def test_ctrl_c_in_each_phase_of_the_wait_ends_the_pod(story: Story, phase: str, looks: int, state: str | None) -> None:
    story.server.looks_per_state = max(looks, 1)
    if state is not None and state != "STARTING":
        story.pod.set_phase("pod1", state)
    elif state is not None:
        story.server.looks_per_state = 50
    process = story.start("--yes")
    if state == "STARTING":
        wait_for(lambda: story.server.pods, "a pod")
        story.server.pods["pod1"].looks = 50
    said(process, f"(?m)^{phase}:")
    story.interrupt(process)
    done = story.finish(process)
    assert done.returncode == 1
    assert "interrupted" in done.stderr
    assert story.server.terminated == ["pod1"]


def test_ctrl_c_during_the_clean_up_prints_how_to_end_the_pod(story: Story) -> None:
    story.pod.set_phase("pod1", "failed no Python")
    story.server.fail("terminate", Fault(500, delay_sec=60))
    process = story.start("--yes")
    said(process, "terminating pod pod1")
    wait_for(lambda: story.server.asked("terminate"), "a request to terminate")
    story.interrupt(process)
    done = story.finish(process)
    assert done.returncode == 1
    assert "pod pod1 may still run and cost money (interrupted)" in done.stderr


def test_a_kill_cleans_up_as_ctrl_c_does(story: Story) -> None:
    story.pod.set_phase("pod1", "installing packages")
    process = story.start("--yes")
    said(process, "installation:")
    os.kill(process.pid, signal.SIGTERM)
    assert story.finish(process).returncode == 1
    assert story.server.terminated == ["pod1"]


def test_a_terminal_that_is_closed_ends_the_pod_though_nobody_can_be_told(story: Story) -> None:
    story.pod.set_phase("pod1", "installing packages")
    ours, theirs = pty.openpty()
    command = [sys.executable, str(DEPLOY), "--poll-seconds", "0.05", "--yes"]
    process = subprocess.Popen(command, env=story.environment, preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    heard = ""
    while "installation: packages" not in heard:
        heard += os.read(ours, 4096).decode(errors="replace")
    story.said.append(heard)
    os.close(ours)  # the kernel sends SIGHUP, and all writing fails from now on
    process.wait(timeout=DEADLINE_SEC)
    assert story.server.terminated == ["pod1"]


# -- pods that there are -----------------------------------------------------------------------------------------------


def test_list_shows_what_each_pod_costs_in_aligned_columns(story: Story) -> None:
    story.server.add_pod("mine", deployment="20200101T000000Z-abcdef", state="RUNNING")
    story.server.add_pod("a-stopped-one", deployment="20200101T000000Z-abcdef", state="EXITED")
    story.server.add_pod("of somebody else")
    done = story.run("--list")
    head, first, second, others = done.stdout.splitlines()
    assert [head.index(name) for name in ("name", "state", "GPU", "tunnel")] == [
        *(first.index(text) for text in ("mine", "RUNNING", "2 x NVIDIA L40S", "ssh -N -L")),
    ]
    assert "1.50" in first
    assert re.search(r"\d+ h \d\d min", first)
    assert second.split()[-1] == "-"
    assert others == "(and 1 that deploy.py has not made)"
    document = json.loads(story.run("--list", "--json").stdout)
    mine, stopped = document["pods"]
    assert mine["cost_so_far_usd_max"] == pytest.approx(mine["age_sec"] / 3600 * 1.5, rel=0.01)
    assert stopped["cost_per_hour_usd"] == 0
    assert stopped["cost_so_far_usd_max"] is None
    assert document["other_pods"] == 1


def test_terminate_ends_the_named_pods_and_looks_that_they_are_gone(story: Story) -> None:
    ids = [story.server.add_pod().id for _ in range(2)]
    story.server.fail("terminate", SERVER_ERROR)
    done = story.run("--terminate", *ids, "gone-already", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"terminated": [*ids, "gone-already"], "failed": {}}
    assert story.server.pods == {}


def test_terminate_that_changes_nothing_is_a_failure(story: Story) -> None:
    pod = story.server.add_pod()
    story.server.fail("terminate", *[Fault(204)] * 20)
    done = story.run("--terminate", pod.id)
    assert done.returncode == 1
    assert "pod1 may still run and cost money (pod pod1 is still there" in done.stderr


def test_terminate_all_asks_and_spares_the_pods_of_others(story: Story) -> None:
    for _ in range(2):
        story.server.add_pod("mine", deployment="20260101T000000Z-abcdef")
    story.server.add_pod("of somebody else")
    assert story.run("--terminate", "--all", stdin="n\n").returncode == 1
    assert len(story.server.pods) == 3
    assert story.run("--terminate", "--all", stdin="y\n").returncode == 0
    assert story.server.terminated == ["pod1", "pod2"]
    assert list(story.server.pods) == ["pod3"]


def test_logs_come_from_the_pod_and_otherwise_from_runpod(story: Story) -> None:
    pod = story.server.add_pod(deployment="20260101T000000Z-abcdef", state="RUNNING")
    story.pod.set_phase(pod.id, READY)
    story.pod.set_log(pod.id, "startup", "".join(f"line {number}\n" for number in range(10)))
    story.pod.set_log(pod.id, "server", "Arbor is up\n")
    done = story.run("--logs", pod.id, "--tail", "2")
    assert done.returncode == 0
    assert "line 8\nline 9\n" in done.stdout
    assert "line 7" not in done.stdout
    assert "Arbor is up" in done.stdout
    story.pod.refuse("Connection refused")
    done = story.run("--logs", pod.id, "--json")
    assert "not by SSH (ssh to 127.0.0.1:2222: Connection refused)" in done.stderr
    assert json.loads(done.stdout)["lines"][1] == "2026-06-01T12:02:03Z 12:00:00 installing packages"


# -- the tunnel --------------------------------------------------------------------------------------------------------


def test_the_tunnel_leads_to_arbor_mends_itself_and_ends_with_ctrl_c(story: Story) -> None:
    pod, port = story.server.add_pod(state="RUNNING"), str(free_port())
    process = story.start("--tunnel", pod.id, "--local-port", port)
    said(process, f"Arbor answers at http://127.0.0.1:{port}/v1/")
    os.kill(story.pod.tunnel_pid, signal.SIGKILL)
    said(process, rf"the tunnel broke(.|\n)*Arbor answers at http://127.0.0.1:{port}")
    story.interrupt(process)
    done = story.finish(process)
    assert done.returncode == 0
    assert f"the pod runs on, until python {DEPLOY} --terminate {pod.id}" in done.stderr
    with pytest.raises(OSError):  # noqa: PT012
        socket.create_connection(("127.0.0.1", int(port))).close()
        raise AssertionError("ssh still listens")


def test_a_tunnel_whose_pod_ends_says_so_and_ends(story: Story) -> None:
    pod = story.server.add_pod(state="RUNNING")
    process = story.start("--tunnel", pod.id, "--local-port", str(free_port()))
    said(process, "Arbor answers at")
    story.server.pods.clear()
    os.kill(story.pod.tunnel_pid, signal.SIGKILL)
    done = story.finish(process)
    assert done.returncode == 1
    assert f"pod {pod.id} is gone" in done.stderr


@pytest.mark.slow
def test_a_taken_local_port_is_named_with_the_way_out(story: Story) -> None:
    pod = story.server.add_pod(state="RUNNING")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = story.run("--tunnel", pod.id, "--local-port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Address already in use; something listens there: choose another port by --local-port" in done.stderr


def test_a_pod_without_an_address_yet_has_no_tunnel(story: Story) -> None:
    done = story.run("--tunnel", story.server.add_pod(state="STARTING").id)
    assert done.returncode == 1
    assert "has no SSH address yet" in done.stderr
