from __future__ import annotations

import json
from array import array
from itertools import chain
from pathlib import Path

import checkout
import pytest

from benchmarks import retrieval
from benchmarks.peers import worker
from benchmarks.peers.catalogue import CATALOGUE, Peer, chosen
from benchmarks.peers.runner import Ranked, Runner
from memoryqa.errors import UsageError
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import Line

SAMPLE = ["--data", str(checkout.SAMPLE), "--split", "val", "--budgets", "300"]
TEXTS = ["Ana: I moved to Porto", "Ben: the otters are lovely", "Ana: rain again"]


def job(folder: Path, peer: str, question: str, vectors: list[list[float]], asked: list[float]) -> worker.Job:
    for name, numbers in (("vectors", list(chain.from_iterable(vectors))), ("question_vectors", asked)):
        (folder / name).write_bytes(array("f", numbers).tobytes())
    fields = {"peer": peer, "texts": TEXTS, "questions": [question], "limit": 400, "dimension": len(asked)}
    fields |= {name: str(folder / name) for name in ("vectors", "question_vectors")}
    (folder / "job.json").write_text(json.dumps(fields))
    return worker.Job(str(folder / "job.json"))


def lines() -> list[Line]:
    memory = AdaptiveMemory()
    for text in TEXTS:
        memory.add(text.partition(": ")[2], speaker=text.partition(":")[0])
    return [line for line, _ in memory.lines()]


def test_full_text_search_finds_any_word_of_the_question_by_its_stem(tmp_path: Path) -> None:
    found = worker.run(job(tmp_path, "fts5", 'Is there an "otter" OR rain?', [[0.0]] * 3, [0.0]))
    assert set(found["ranked"][0]) == {1, 2}
    assert len(found["query_ms"]) == 1


def test_reciprocal_ranks_are_added(tmp_path: Path) -> None:
    by_meaning = [[0.0, 1.0], [0.6, 0.8], [1.0, 0.0]]  # to the question: 2, 1, 0
    found = worker.run(job(tmp_path, "rrf", "otters", by_meaning, [1.0, 0.0]))
    assert found["ranked"] == [[1, 2, 0]]  # first by words and second by meaning


def test_every_peer_has_its_adapter_and_a_row_of_its_own() -> None:
    assert {peer.key for peer in CATALOGUE} == set(worker.PEERS)
    assert len({peer.name for peer in CATALOGUE}) == len(CATALOGUE)


def test_a_ranking_is_kept_until_lines_or_questions_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(chosen(["fts5"]), tmp_path)
    first = runner.rank(runner.peers[0], lines(), ["otters"])
    assert isinstance(first, Ranked)
    assert first.places == [[1]]
    monkeypatch.setattr(Runner, "_run", lambda *_: pytest.fail("ran again"))
    assert runner.rank(runner.peers[0], lines(), ["otters"]) == first
    with pytest.raises(pytest.fail.Exception, match="ran again"):
        runner.rank(runner.peers[0], lines(), ["rain"])


def test_a_peer_that_is_not_installed_is_one_line_that_says_what_to_run(tmp_path: Path) -> None:
    absent = Peer("absent", "Absent", "absent", ("absent==1",), ("no_such_module.inner",))
    with pytest.raises(UsageError) as raised:
        Runner([*chosen(["fts5"]), absent], tmp_path)
    assert str(raised.value) == (
        "not installed: absent. Run `python -m benchmarks.peers.install absent`, or leave them out with --peers fts5"
    )


@pytest.mark.slow
def test_chosen_peers_are_rows_of_the_table_and_unknown_ones_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where rankings are kept
    assert retrieval.main([*SAMPLE, "--peers", "fts5"]) == 0
    printed = capsys.readouterr()
    row = json.loads(printed.out.splitlines()[-1])["systems"]["SQLite FTS5 (porter)"]
    assert 0 < row["recall"]["300"] < 1
    assert row["install_mb"] == 0
    assert row["query_ms_p50"] > 0
    assert "SQLite FTS5 (porter)" in printed.err
    assert retrieval.main([*SAMPLE, "--peers", "fts5,elsewhere"]) == 2
    assert "no peer 'elsewhere'" in capsys.readouterr().err
