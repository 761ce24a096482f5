from __future__ import annotations

import logging
import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.search.vector_cache import Matrix, VectorCache

ONE = np.array([[1.0, -2.0, 0.5]], dtype=np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    opened = VectorCache(tmp_path / "vectors.sqlite", "model-a")
    yield opened
    opened.close()


def reopened(cache: VectorCache, model: str | None = None) -> VectorCache:
    cache.close()
    return VectorCache(cache.path, model or cache.model)


@given(rows=st.integers(0, 5), dimension=st.integers(1, 9), half=st.booleans(), content=st.text(max_size=30))
def test_what_is_kept_comes_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: int, dimension: int, half: bool, content: str
) -> None:
    matrix: Matrix = np.random.default_rng(rows).normal(size=(rows, dimension)).astype(np.float32)
    matrix = matrix.astype(np.float16) if half else matrix
    cache = VectorCache(tmp_path_factory.mktemp("kept") / "v.sqlite", "m")
    cache.put("pieces", {content: matrix})
    cache = reopened(cache)
    found = cache.get("pieces", ["another" + content, content], dimension)
    cache.close()
    assert list(found) == [1]
    assert found[1].dtype == matrix.dtype
    assert found[1].tobytes() == matrix.tobytes()


def test_half_a_surrogate_pair_is_a_content_like_any_other(cache: VectorCache) -> None:
    cache.put("vector", {"\ud800": ONE})
    assert cache.get("vector", ["\ud800"], 3)[0].tolist() == ONE.tolist()


def test_vectors_of_another_kind_or_model_are_never_seen(cache: VectorCache) -> None:
    cache.put("vector", {"text": ONE})
    assert not cache.get("pieces", ["text"], 3)
    other = reopened(cache, "model-b")
    assert not other.get("vector", ["text"], 3)
    other.put("vector", {"text": 2 * ONE})
    first = reopened(other, "model-a")
    assert first.get("vector", ["text"], 3)[0].tolist() == ONE.tolist()
    first.close()


def test_vectors_of_another_dimension_are_dropped_with_a_warning(
    cache: VectorCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("vector", {"a": ONE, "b": ONE[:, :2]})
    assert list(cache.get("vector", ["a", "b"], 3)) == [0]
    assert "1 vectors damaged or not of 3 dimensions" in caplog.text


@pytest.mark.parametrize("damage", [b"\x00\x01\x02", np.array([np.nan, 0, 0], dtype=np.float32).tobytes()])
def test_a_damaged_vector_is_dropped_with_a_warning(
    cache: VectorCache, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("vector", {"a": ONE})
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE vectors SET data = ?", (damage,))
    connection.close()
    assert not cache.get("vector", ["a"], 3)
    assert "computed again" in caplog.text
    cache.put("vector", {"a": ONE})
    assert cache.get("vector", ["a"], 3)[0].tolist() == ONE.tolist()


def test_a_file_that_is_no_cache_is_begun_anew_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "vectors.sqlite"
    path.write_bytes(b"not a database, but long enough to be read as one" * 50)
    cache = VectorCache(path, "m")
    assert "damaged" in caplog.text
    cache.put("vector", {"a": ONE})
    assert cache.get("vector", ["a"], 3)
    cache.close()


def test_a_cache_damaged_while_it_is_open_is_begun_anew(cache: VectorCache, caplog: pytest.LogCaptureFixture) -> None:
    big = np.ones((50, 300), dtype=np.float32)
    cache.put("pieces", {f"text {number}": big for number in range(40)})
    size = cache.path.stat().st_size
    with cache.path.open("r+b") as file:  # every page but none of its content survives
        file.write(b"\xff" * size)
    cache = reopened(cache)
    assert not cache.get("pieces", ["text 7"], 300)
    cache.put("pieces", {"text 7": big})
    assert cache.get("pieces", ["text 7"], 300)[0].tolist() == big.tolist()
    assert "started again" in caplog.text
    cache.close()


def test_pages_lost_behind_a_whole_header_are_found_and_the_file_begun_anew(
    cache: VectorCache, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [f"text {number}" for number in range(200)]
    cache.put("vector", dict.fromkeys(texts, np.ones((1, 300), dtype=np.float32)))
    cache = reopened(cache)
    size = cache.path.stat().st_size
    with cache.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    assert len(cache.get("vector", texts, 300)) < len(texts)
    assert "started again" in caplog.text
    cache.put("vector", {"text 1": ONE})
    assert cache.get("vector", ["text 1"], 3)
    cache.close()


def test_a_place_that_cannot_hold_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "vectors.sqlite"):
        with pytest.raises(ValueError, match=f"^{path}: cannot keep vectors there"):
            VectorCache(path, "m")


def test_a_full_disk_costs_the_cache_and_one_warning_but_no_answer(
    cache: VectorCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache._connection.execute("PRAGMA max_page_count = 3")  # SQLite's own "database or disk is full"
    for _ in range(3):
        cache.put("pieces", {"a": np.ones((400, 300), dtype=np.float32)})
    assert not cache.get("pieces", ["a"], 300)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "not cached any more" in caplog.text


def test_threads_share_a_cache(cache: VectorCache) -> None:
    def work(number: int) -> float:
        cache.put("vector", {f"text {number % 7}": np.full((1, 3), number % 7, dtype=np.float32)})
        return float(cache.get("vector", [f"text {number % 7}"], 3)[0][0, 0])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(70))) == [number % 7 for number in range(70)]


def _write(path: Path, first: int) -> None:
    cache = VectorCache(path, "m")
    for number in range(first, first + 30):
        cache.put("vector", {f"text {number}": np.full((1, 3), number, dtype=np.float32)})
    cache.close()


@pytest.mark.slow
def test_two_processes_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, first)) for first in (0, 20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert [writer.exitcode for writer in writers] == [0, 0]
    cache = VectorCache(path, "m")
    found = cache.get("vector", [f"text {number}" for number in range(50)], 3)
    cache.close()
    assert [found[number][0, 0] for number in range(50)] == list(range(50))
