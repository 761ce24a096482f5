from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from unittest import mock

import pytest
import tiktoken
from checkout import ROOT
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import texts

from memoryqa import tokens
from memoryqa.tokens import count_tokens, truncate_to_tokens


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("hello world", 2), ("2023", 2), ("\n", 1)])
def test_tokens_are_counted_by_o200k(text: str, count: int) -> None:
    assert count_tokens(text) == count


def test_special_token_markers_count_as_the_text_they_are() -> None:
    assert count_tokens("<|endoftext|>") > 1


def test_half_a_surrogate_pair_is_counted_not_refused() -> None:
    assert count_tokens("a \ud800 b") >= 3


@given(texts, st.integers(-1, 40))
def test_a_truncated_text_is_a_prefix_within_the_limit(text: str, max_tokens: int) -> None:
    cut = truncate_to_tokens(text, max_tokens)
    assert count_tokens(cut) <= max(0, max_tokens)
    if "\ud800" not in text:  # which the tokenizer replaces
        assert text.startswith(cut)
    if count_tokens(text) <= max_tokens:
        assert cut == text


def test_truncation_keeps_characters_of_several_tokens_whole() -> None:
    family = "👩‍🚀🧑🏿‍🤝‍🧑🏻" * 8
    cuts = [truncate_to_tokens(family, limit) for limit in range(count_tokens(family) + 1)]
    assert all(family.startswith(cut) and "\ufffd" not in cut for cut in cuts)
    assert cuts[-1] == family
    assert len(set(cuts)) > 8  # and not simply nothing


def test_a_cut_inside_a_character_is_counted_again() -> None:
    text = " მაბ"  # its first token ends within the last letter, and the rest of that token counts two
    assert count_tokens(text) == count_tokens(text[:-1]) == 2
    assert truncate_to_tokens(text, 1) == ""


def test_truncation_uses_the_limit_of_plain_text() -> None:
    assert count_tokens(truncate_to_tokens("the otters swim past the mill " * 9, 20)) == 20


def test_no_work_is_done_at_import() -> None:
    command = "import sys, memoryqa.tokens; raise SystemExit('tiktoken' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
def test_counting_needs_no_network_and_no_cache_of_its_own(tmp_path: Path) -> None:
    """Sockets are refused; tiktoken's cache folder is empty and stays so: the vocabulary in the package is read."""
    command = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from memoryqa.tokens import count_tokens\n"
        "print(count_tokens('hello world'))"
    )
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "2\n", ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_vocabulary_that_is_damaged_or_missing_names_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tokens, "files", lambda package: tmp_path)
    with pytest.raises(RuntimeError, match=r"o200k_base\.tiktoken: cannot be read .*reinstall memoryqa"):
        tokens.encoding.__wrapped__()
    (tmp_path / "vocabulary").mkdir()
    whole = (ROOT / "memoryqa/vocabulary/o200k_base.tiktoken").read_bytes()
    (tmp_path / "vocabulary/o200k_base.tiktoken").write_bytes(whole[:-9])
    with pytest.raises(RuntimeError, match=r"is damaged .*reinstall memoryqa"):
        tokens.encoding.__wrapped__()


@pytest.fixture(scope="module")
def theirs() -> tiktoken.Encoding:
    """tiktoken's own o200k_base, of the copy of the vocabulary that LiteLLM carries under tiktoken's cache name."""
    litellm = importlib.util.find_spec("litellm")
    assert litellm is not None
    assert litellm.submodule_search_locations
    cache = Path(litellm.submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
    with mock.patch.dict(os.environ, TIKTOKEN_CACHE_DIR=str(cache)):
        return tiktoken.get_encoding("o200k_base")


@pytest.mark.slow
@given(texts)
@example("I'LL don't   wait\n\n for 12345 ǅungla, ÄÖ ß 你好\t naïve e\u0301  ")
def test_tokens_are_those_of_tiktokens_own_encoding(theirs: tiktoken.Encoding, text: str) -> None:
    assert tokens.encoding().encode_ordinary(text) == theirs.encode_ordinary(text)


def test_the_encoding_is_tiktokens_own_in_every_part(theirs: tiktoken.Encoding) -> None:
    ours = tokens.encoding()
    assert ours._pat_str == theirs._pat_str
    assert ours._mergeable_ranks == theirs._mergeable_ranks
    assert ours._special_tokens == theirs._special_tokens


def test_the_rank_of_each_token_is_its_place_in_the_vocabulary() -> None:
    lines = (files("memoryqa") / "vocabulary" / "o200k_base.tiktoken").read_bytes().splitlines()
    assert [int(line.split()[1]) for line in lines] == list(range(len(lines)))
    assert tokens.encoding().n_vocab == 200_019
    assert tokens.encoding().encode_single_token(b"!") == 0


@given(st.lists(texts | st.text(max_size=40), max_size=4))
@example(
    [
        "\ud800 a",
        "👩‍🚀🧑🏿‍🤝‍🧑🏻",
        "我们上周五去了海边",
        "Żółć gęślą jaźń",
        " მაბ",
        "a" * 300,
        "<|endoftext|>",
        "\r\n \n\t x",
    ]
)
def test_a_few_texts_are_counted_as_the_tokenizer_would(said: list[str]) -> None:
    sparse = tokens._sparse()
    for text in said:
        found = sparse.encode(text)
        assert found is None or found == tokens.encoding().encode_ordinary(text)


def test_the_tokenizer_is_loaded_when_there_is_much_to_count() -> None:
    code = """
from memoryqa import tokens
few, is_loaded = "The ferry leaves at nine.", lambda: bool(tokens.encoding.cache_info().currsize)
print(tokens.count_tokens(few), is_loaded())
letters = "abcdefghijklmnopqrstuvwxyz"
many = tokens.count_tokens(" ".join(a + b + c for a in letters for b in letters for c in letters))
print(many > 9000, is_loaded(), tokens._sparse.cache_info().currsize)
print(tokens.count_tokens(few))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.splitlines() == ["6 False", "True True 0", "6"]
