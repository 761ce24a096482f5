from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.measuring.cache import Context, QuestionCache, canonical
from tuning.measuring.trial import code_digest

PARTS: dict[str, Any] = {
    "split": "train",
    "parameters": {"ranking": {"bm25_k1": 0.9}, "budget_tokens": 2000},
    "data_sha256": "d" * 64,
    "versions": {"code": "c", "prompt": None, "model": None, "judge": None},
    "seed": None,
}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[QuestionCache]:
    made = QuestionCache(tmp_path / "cache.sqlite")
    yield made
    made.close()


def context(cache: QuestionCache, **changes: Any) -> Context:
    return cache.context(**{**PARTS, **changes})


def measure(cache: QuestionCache, at: Context, question: str = "chat:1", value: float = 0.1) -> tuple[Any, bool]:
    return cache.get_or_measure(at, question, lambda: {"recall": value})


def test_what_was_measured_is_there_for_the_next_process(tmp_path: Path) -> None:
    for expected in (False, True):
        cache = QuestionCache(tmp_path / "deep" / "cache.sqlite")
        measured, from_cache = measure(cache, context(cache), value=1 / 3)
        cache.close()
        assert (measured, from_cache) == ({"recall": 1 / 3}, expected)


@pytest.mark.parametrize(
    "change",
    [
        {"split": "val"},
        {"parameters": {"ranking": {"bm25_k1": 1.2}, "budget_tokens": 2000}},
        {"parameters": {"ranking": {"bm25_k1": 0.9}, "budget_tokens": 4000}},
        {"data_sha256": "e" * 64},
        {"versions": {**PARTS["versions"], "code": "d"}},
        {"versions": {**PARTS["versions"], "prompt": "p"}},
        {"versions": {**PARTS["versions"], "model": "m"}},
        {"versions": {**PARTS["versions"], "judge": "j"}},
        {"seed": 1},
    ],
)
def test_anything_that_changes_the_number_is_a_miss_and_the_reason_is_told(
    cache: QuestionCache, change: dict[str, Any]
) -> None:
    measure(cache, context(cache))
    other = context(cache, **change)
    name = next(iter(change))
    assert cache.why_miss(other, "chat:1").startswith(name)
    assert cache.why_miss(other, "chat:1").count("->") == 1
    assert measure(cache, other, value=0.7) == ({"recall": 0.7}, False)


def test_the_split_is_required(cache: QuestionCache) -> None:
    with pytest.raises(TypeError, match="split"):
        cache.context(**{key: value for key, value in PARTS.items() if key != "split"})


def test_why_a_question_is_missing_in_a_known_context_and_in_an_empty_cache(cache: QuestionCache) -> None:
    assert cache.why_miss(context(cache), "chat:1") == "the cache is empty"
    measure(cache, context(cache))
    assert cache.why_miss(context(cache), "chat:2") == "question chat:2 was not measured in this context"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6))
def test_a_number_is_the_same_however_it_is_written(number: float) -> None:
    assert canonical({"x": number}) == canonical({"x": number + 1e-14})
    assert canonical({"b": 1, "a": (1.0, -0.0)}) == canonical({"a": [1, 0], "b": 1.0})


def test_true_is_not_one_and_nan_is_nothing_to_go_by() -> None:
    assert canonical(True) != canonical(1)
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_of_many_threads_one_measures(cache: QuestionCache) -> None:
    measured: list[str] = []
    start = threading.Barrier(8)

    def slowly() -> dict[str, float]:
        measured.append(threading.current_thread().name)
        threading.Event().wait(0.05)
        return {"recall": 0.5}

    def ask() -> None:
        start.wait(10)
        assert cache.get_or_measure(context(cache), "chat:1", slowly)[0] == {"recall": 0.5}

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(measured) == 1
    assert (cache.hits, cache.misses) == (7, 1)


def test_a_failure_is_not_kept(cache: QuestionCache) -> None:
    assert cache.get_or_measure(context(cache), "chat:1", lambda: None) == (None, False)
    assert measure(cache, context(cache)) == ({"recall": 0.1}, False)

    def broken() -> dict[str, float]:
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        cache.get_or_measure(context(cache), "chat:2", broken)
    assert measure(cache, context(cache), "chat:2")[1] is False


def test_a_broken_entry_is_a_miss_and_is_mended(cache: QuestionCache) -> None:
    measure(cache, context(cache))
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE measured SET value = '{\"recall\":0.9}'")
    connection.close()
    assert measure(cache, context(cache), value=0.2) == ({"recall": 0.2}, False)
    assert measure(cache, context(cache)) == ({"recall": 0.2}, True)


def test_a_broken_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is no database at all" * 50)
    cache = QuestionCache(path)
    assert measure(cache, context(cache))[1] is False
    assert measure(cache, context(cache))[1] is True
    cache.close()
    assert (tmp_path / "cache.sqlite.broken").read_bytes().startswith(b"this is no")
    assert "is no cache" in caplog.text


def test_a_place_where_no_file_can_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be used as a cache .*name another by --cache"):
        QuestionCache(tmp_path)


def test_a_cache_that_cannot_be_written_is_told_once_and_stops_nothing(
    cache: QuestionCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache._connection.execute("PRAGMA query_only = ON")
    for question in ("chat:1", "chat:2"):
        assert measure(cache, context(cache), question) == ({"recall": 0.1}, False)
    assert caplog.text.count("cannot be written") == 1


def test_a_file_in_a_new_sub_folder_of_the_library_changes_the_digest_of_the_code(tmp_path: Path) -> None:
    """What was measured by other sources is measured again, wherever in the library they changed."""

    def digest() -> str:
        return code_digest.__wrapped__(tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    write("memoryqa/memory.py", "one")
    seen = [digest()]
    write("memoryqa/search/deep/new.py", "two")
    seen.append(digest())
    write("memoryqa/search/deep/new.py", "three")
    seen.append(digest())
    (tmp_path / "memoryqa/search/deep/new.py").rename(tmp_path / "memoryqa/search/new.py")
    seen.append(digest())
    write("docs/notes.md", "of no consequence")
    assert len(set(seen)) == len(seen)
    assert digest() == seen[-1]
