"""The server's files, and which GPUs Arbor can be asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from checkout import ROOT

from training.config import TrainingConfig
from training.on_arbor.client import package_dir
from training.on_arbor.config import check_layout, storages, write_accelerate_file, write_arbor_yaml

needs_arbor = pytest.mark.skipif(package_dir() is None, reason="pip install --no-deps arbor-ai==0.2.17")


def test_arbor_yaml_holds_what_the_server_reads_and_the_layout_as_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "arbor.yaml"
    assert write_arbor_yaml(path, (0,), (1, 2))
    assert yaml.safe_load(path.read_text()) == {
        "storage_path": str(tmp_path / "arbor_storage"),
        "inactivity_timeout": 30,
    }
    assert "# inference, the next for training: --inference-gpus 0 --training-gpus 1,2." in path.read_text()


@pytest.mark.parametrize("name", ["training.on_arbor.config", "training.arbor_config"])
def test_help_and_a_wrong_flag_write_nothing(tmp_path: Path, name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for flag, status in (("--help", 0), ("--no-such-flag", 2)):
        command = [sys.executable, "-m", name, flag]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "usage" in done.stdout + done.stderr) == (status, True)
        assert "written" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_settings_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "arbor.yaml"
    path.write_text("storage_path: /elsewhere\n")
    assert not write_arbor_yaml(path, (0,), (1,))
    assert path.read_text() == "storage_path: /elsewhere\n"
    package = tmp_path / "site-packages" / "arbor"
    package.mkdir(parents=True)
    assert write_accelerate_file(package)
    assert not write_accelerate_file(package)


def test_the_accelerate_file_is_where_and_what_the_launcher_wants(tmp_path: Path) -> None:
    package = tmp_path / "arbor"
    package.mkdir()
    write_accelerate_file(package)
    content = yaml.safe_load((tmp_path / "configs" / "deepspeed_config.yaml").read_text())
    assert content["mixed_precision"] == content["downcast_bf16"] == "no"  # not False, on which accelerate fails
    assert content["distributed_type"] == "MULTI_GPU"


@needs_arbor
def test_arbors_own_config_reads_the_file(tmp_path: Path) -> None:
    write_arbor_yaml(tmp_path / "arbor.yaml", (0,), (1, 2))
    folder = package_dir()
    assert folder is not None
    script = (
        "import importlib.util as u; s = u.spec_from_file_location('c', r'%s'); m = u.module_from_spec(s);"
        "s.loader.exec_module(m); c = m.Config.load('arbor.yaml'); print(c.storage_path, c.inactivity_timeout)"
    ) % (folder / "core" / "config.py")
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(tmp_path / "arbor_storage"), "30"]


def test_jobs_are_looked_for_where_the_settings_say_and_where_arbor_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "arbor.yaml"
    default = Path.home() / ".arbor" / "storage"
    assert storages(path) == [default]
    write_arbor_yaml(path, (0,), (1,))
    assert storages(path) == [tmp_path / "arbor_storage", default]


# -- GPUs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inference", "training", "idle"),
    [((0,), (1, 2), {0, 1, 2}), ((0,), (1, 2), {0, 1, 2, 3}), ((0, 1), (2, 3), None), ((1,), (2,), {1, 2, 5})],
)
def test_layouts_that_arbor_would_choose_pass(
    inference: tuple[int, ...], training: tuple[int, ...], idle: set[int] | None
) -> None:
    check_layout(inference, training, idle)


@pytest.mark.parametrize(
    ("inference", "training", "idle", "reason"),
    [
        ((2,), (0, 1), None, "write --inference-gpus 0 --training-gpus 1,2"),
        ((0,), (2, 1), None, "write --inference-gpus 0 --training-gpus 1,2"),
        ((0,), (0, 1), None, "GPU 0 is in --inference-gpus and in --training-gpus"),
        ((0,), (1, 2), {0}, "3 GPUs are asked for (0,1,2) and 1 are idle (0)"),
        ((0,), (1, 2), set(), "and 0 are idle (none)"),
        ((1,), (2, 3), {0, 1, 2, 3}, "lowest-numbered idle ones, 0,1,2"),
        ((0,), (1, 2), {0, 2, 3}, "lowest-numbered idle ones, 0,2,3"),
    ],
)
def test_layouts_that_cannot_be_had_are_refused_with_the_reason(
    inference: tuple[int, ...], training: tuple[int, ...], idle: set[int] | None, reason: str
) -> None:
    with pytest.raises(ValueError) as refusal:
        check_layout(inference, training, idle)
    assert reason in str(refusal.value)


def test_the_default_layout_is_one_that_can_be_had() -> None:
    config = TrainingConfig()
    check_layout(config.inference_gpus, config.training_gpus, {0, 1, 2})


# -- the commands ------------------------------------------------------------------------------------------------------


def test_the_folder_arbor_leaves_the_package_arbor_alone(tmp_path: Path) -> None:
    """`python -m arbor.cli` is run from the checkout, where arbor/ is a folder without `__init__.py`."""
    (tmp_path / "arbor").mkdir()
    (tmp_path / "arbor" / "deploy.py").write_text("")
    assert not (ROOT / "arbor" / "__init__.py").exists()
    if package_dir() is None:
        pytest.skip("needs arbor-ai: pip install --no-deps arbor-ai==0.2.17")
    script = "import importlib.util; print(importlib.util.find_spec('arbor').origin)"
    for folder in (tmp_path, ROOT):
        ran = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == str(package_dir() / "__init__.py")  # type: ignore[operator]


@needs_arbor
def test_the_command_writes_both_files_once(tmp_path: Path) -> None:
    """In an environment of its own: a copy of arbor-ai, beside which the accelerate file goes."""
    site = tmp_path / "site-packages"
    folder = package_dir()
    assert folder is not None
    (site / "arbor").mkdir(parents=True)
    shutil.copy(folder / "__init__.py", site / "arbor")
    command = [sys.executable, "-m", "training.on_arbor.config"]
    environment = {"PYTHONPATH": f"{site}:{ROOT}", "PATH": "/usr/bin"}
    for said in ("written", "exists, not changed"):
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert ran.stderr.splitlines() == [
            f"arbor.yaml: {said}",
            f"{site / 'configs' / 'deepspeed_config.yaml'}: {said}",
        ]
        assert ran.stdout == ""
