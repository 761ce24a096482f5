"""A model in one GGUF file, as llama.cpp has them, and models without a chat template that are to be taught turns."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from tiny_models import CHAT_TEMPLATE, MESSAGES, SPECIAL_TOKENS, save_tiny_gguf, tiny_model, tiny_tokenizer  # noqa: E402

import train  # noqa: E402
from locomo.dataset import SAMPLE_PATH  # noqa: E402
from memoryqa.errors import MissingExtraError, UsageError  # noqa: E402
from training.chat_format import ChatFormatError, chat_end_id, load_tokenizer, render, takes_system_turn  # noqa: E402
from training.chat_templates import TEMPLATES, known_turns, taught_turns, teach_turns  # noqa: E402
from training.config import GRPOConfig  # noqa: E402
from training.local.policy import Policy  # noqa: E402
from training.local.preflight import model_shape  # noqa: E402
from training.model_files import source_of  # noqa: E402

needs_gguf = pytest.mark.skipif(importlib.util.find_spec("gguf") is None, reason="needs the extra train-local")


@pytest.fixture
def without_gguf(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gguf" else found(name))


@pytest.fixture
def with_gguf(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found("json") if name == "gguf" else found(name))


@pytest.mark.usefixtures("with_gguf")
@pytest.mark.parametrize(
    ("model", "place", "options"),
    [
        ("Qwen/Qwen2.5-3B", "Qwen/Qwen2.5-3B", {}),
        ("models/gguf", "models/gguf", {}),
        ("models/tiny.gguf", "models", {"gguf_file": "tiny.gguf"}),
        ("tiny.gguf", ".", {"gguf_file": "tiny.gguf"}),
        ("owner/name/tiny-Q4_K_M.gguf", "owner/name", {"gguf_file": "tiny-Q4_K_M.gguf"}),
    ],
)
def test_a_file_is_named_by_its_place_and_name(model: str, place: str, options: dict[str, str]) -> None:
    assert source_of(model) == (place, options)


@pytest.mark.usefixtures("without_gguf")
def test_without_the_package_the_line_says_what_to_install() -> None:
    with pytest.raises(MissingExtraError) as refused:
        load_tokenizer("models/tiny.gguf")
    wanted = "--model models/tiny.gguf needs the package gguf: pip install '.[train-local]'"
    assert str(refused.value) == wanted
    assert source_of("Qwen/Qwen2.5-3B") == ("Qwen/Qwen2.5-3B", {})


@pytest.mark.usefixtures("own_folder")
def test_arbor_is_not_asked_to_read_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--backend", "arbor", "--model", "tiny.gguf", "--dry-run"]) == 2
    assert "--model tiny.gguf: Arbor reads no GGUF file: train it with --backend local" in capsys.readouterr().err


@needs_gguf
@pytest.mark.slow
def test_a_gguf_file_is_the_model_that_was_written_to_it(tmp_path: Path) -> None:
    path = str(save_tiny_gguf(tmp_path / "tiny.gguf"))
    policy = Policy.load(path, device="cpu", bf16=False, teaches_turns=True)
    assert policy.tokenizer.get_vocab() == tiny_tokenizer().get_vocab()
    original = Policy(tiny_model(), tiny_tokenizer())
    assert policy.prompt_ids(MESSAGES) == original.prompt_ids(MESSAGES)
    sample = original.generate([MESSAGES], max_tokens=8, temperature=0.0)[0]
    ours, _ = policy.log_probs([sample], temperature=1.0)
    theirs, _ = original.log_probs([sample], temperature=1.0)
    assert torch.allclose(ours, theirs, atol=1e-4)


@needs_gguf
@pytest.mark.slow
@pytest.mark.parametrize("rest", [-2000, 0.5, 100, 7, 0, None])
def test_a_file_that_is_cut_or_gone_is_one_line(tmp_path: Path, rest: float | None) -> None:
    path = save_tiny_gguf(tmp_path / "tiny.gguf")
    content = path.read_bytes()
    path.unlink()
    if rest is not None:
        path.write_bytes(content[: int(rest * len(content)) if 0 < rest < 1 else int(rest)])
    for load in (lambda: load_tokenizer(str(path), teaches_turns=True), lambda: model_shape(str(path), GRPOConfig())):
        with pytest.raises(UsageError, match=r"tiny\.gguf: its (tokenizer|config) cannot be loaded") as refused:
            load()
        assert "\n" not in str(refused.value)


@needs_gguf
@pytest.mark.slow
@pytest.mark.usefixtures("own_folder")
def test_a_gguf_file_is_trained_and_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_tiny_gguf(tmp_path / "tiny.gguf")
    asked = [
        *("--backend", "local", "--device", "cpu", "--model", str(path), "--data", str(SAMPLE_PATH), "--no-mlflow"),
        *("--num-train", "8", "--num-val", "2", "--context-tokens", "80", "--num-train-steps", "1", "--rollouts", "2"),
        *("--max-completion-length", "150", "--lora-r", "2"),
    ]
    assert train.main([*asked, "--dry-run"]) == 2
    refused = f"--model {path}: has no chat template; use its -Instruct or -Chat version, or teach it ChatML's turns by"
    assert refused in capsys.readouterr().err
    warm = [*asked, "--sft-steps", "2", "--sft-batch-size", "2"]
    assert train.main([*warm, "--dry-run"]) == 0
    captured = capsys.readouterr()
    assert f"{path} has no chat template: the warm start teaches it ChatML's turns" in captured.err
    assert "warm start: 2 steps on " in captured.err
    assert json.loads(captured.out.splitlines()[-1])["demonstrations"] > 0
    assert train.main(warm) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out.splitlines()[-1])
    assert (document["steps"], document["val_before"], document["val_warm"]) == (1, 0.0, 0.0)
    assert "warm start: 2 steps, loss " in captured.err
    assert "validation after the warm start: 0.000" in captured.err
    manifest = json.loads(Path("grpo_checkpoints/manifest.json").read_text())
    assert set(manifest["warm_start"]) == {"demonstrations", "declining"}
    kinds = [json.loads(line)["kind"] for line in Path("grpo_checkpoints/history.jsonl").read_text().splitlines()]
    assert kinds == ["validation", "sft", "sft", "validation", "step", "validation"]


# -- turns that are taught ---------------------------------------------------------------------------------------------


def test_the_turns_of_a_tokenizer_are_known_by_their_tokens() -> None:
    tokenizer = tiny_tokenizer()
    assert known_turns(tokenizer) == "ChatML"
    assert taught_turns(tokenizer) is None
    teach_turns(tokenizer, "ChatML")
    assert taught_turns(tokenizer) == "ChatML"
    assert tokenizer.chat_template == CHAT_TEMPLATE


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_taught_template_ends_an_answer_with_a_token_of_its_own(name: str) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": list(TEMPLATES[name][0]), "bos_token": SPECIAL_TOKENS[0]}
    )
    teach_turns(tokenizer, name)
    text = render(tokenizer, MESSAGES)
    assert "Answer." in text
    assert "What colour is the sea?" in text
    assert takes_system_turn(tokenizer) is (name != "Gemma")
    end = chat_end_id(tokenizer)
    assert end is not None
    assert tokenizer.convert_ids_to_tokens(end) == TEMPLATES[name][0][-1]
    whole = tokenizer.apply_chat_template([*MESSAGES[1:], {"role": "assistant", "content": "Blue."}], tokenize=False)
    prompt = tokenizer.apply_chat_template(MESSAGES[1:], tokenize=False, add_generation_prompt=True)
    assert str(whole).startswith(f"{prompt}Blue.")


def test_a_tokenizer_that_knows_no_turns_is_refused_even_where_they_are_taught(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    wrapped: type = PreTrainedTokenizerFast
    bare = wrapped(tokenizer_object=Tokenizer(models.BPE(vocab={"a": 0, "</s>": 1}, merges=[])), eos_token="</s>")
    bare.save_pretrained(tmp_path)
    with pytest.raises(ChatFormatError, match=r"no chat template; use its -Instruct or -Chat version$"):
        load_tokenizer(str(tmp_path), teaches_turns=True)
