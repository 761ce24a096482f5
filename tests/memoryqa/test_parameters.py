from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.config import CoverageConfig, MemoryConfig, ProgramConfig, RankingConfig, Settings
from memoryqa.memories import Memories
from memoryqa.parameters import (
    Parameters,
    ParametersError,
    config_from,
    load_parameters,
    parameters_of,
    save_parameters,
)
from memoryqa.turns import Turn

PROMOTION = {"promote": True, "difference": 0.012, "ci95": [0.002, 0.021], "split": "val", "questions": 231}


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


@given(
    floor=st.floats(0, 1),
    k1=st.floats(0.01, 5),
    window=st.floats(0, 1),
    hops=st.integers(1, 9),
    worth=st.floats(0, 20),
)
def test_parameters_survive_being_written_and_read(
    floor: float, k1: float, window: float, hops: int, worth: float
) -> None:
    coverage = CoverageConfig(probe_worth=worth)
    ranking = RankingConfig(bm25_k1=k1, window_before=window)
    made = Parameters(
        Settings(MemoryConfig(ranking=ranking, coverage=coverage), ProgramConfig(score_floor=floor, max_hops=hops))
    )
    assert parameters_of(json.loads(json.dumps(made.overrides()))) == made


def test_only_what_differs_from_the_shipped_config_is_written(tmp_path: Path) -> None:
    made = Parameters(
        Settings(MemoryConfig(ranking=RankingConfig(bm25_b=0.5))), promotion=PROMOTION, source={"study": "s"}
    )
    save_parameters(made, tmp_path / "p.json")
    document = json.loads((tmp_path / "p.json").read_text())
    assert document["ranking"] == {"bm25_b": 0.5}
    assert document["memory"] == document["program"] == document["coverage"] == {}
    assert load_parameters(tmp_path / "p.json") == made


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"ranking": {"bm25_k": 1}}, r"RankingConfig has no 'bm25_k'; it has window_before, "),
        ({"memory": {"scorefloor": 1}}, r"MemoryConfig has no 'scorefloor'; it has memory_tokens, "),
        ({"memory": {"ranking": {}}}, "ranking is a section of its own"),
        ({"memory": {"coverage": {}}}, "coverage is a section of its own"),
        ({"coverage": {"repeat_share": 7}}, "repeat_share must lie in 0..1"),
        ({"program": {"score_floor": 2}}, "score_floor must lie in 0..1"),
        ({"memory": {"score_floor": 2}}, "score_floor must lie in 0..1"),
        ({"program": {"max_hops": "two"}}, "max_hops must be a whole number, got 'two'"),
        ({"memory": {"max_hops": True}}, "max_hops must be a whole number, got True"),
        ({"ranking": {"bm25_k1": 10**400}}, "bm25_k1 must be a number, got 1000"),
        ({"ranking": {"window_before": "0.5"}}, "window_before must be a number, got '0.5'"),
        (
            {"parameters": {}},
            "there is no 'parameters' in a parameters file; there are memory, program, ranking",
        ),
        ({"promotion": {"promote": True}}, "the promotion has no 'ci95'"),
        ([1], "expected a JSON object"),
        ({"memory": 3}, "expected a JSON object of objects"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, content: Any, told: str) -> None:
    path = written(tmp_path / "bad.json", content)
    with pytest.raises(ParametersError, match=told) as error:
        load_parameters(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_json_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    for name in ("x.json", "gone.json"):
        with pytest.raises(ParametersError, match=rf"{name}: cannot be read as JSON"):
            load_parameters(tmp_path / name)


def test_a_file_says_for_itself_whether_it_is_worth_taking() -> None:
    promoted = Parameters(promotion=PROMOTION)
    assert promoted.verdict() == "promoted: +1.20 points on 231 val questions, 95% interval +0.20 to +2.10"
    refused = Parameters(promotion={**PROMOTION, "promote": False, "ci95": None})
    assert refused.verdict().startswith("KEEP DEFAULTS, says the file itself: +1.20 points on 231 val questions; used")
    assert "nobody has compared them" in Parameters().verdict()


def test_a_file_of_version_0_1_is_read_with_the_programs_settings_beside_the_memorys(tmp_path: Path) -> None:
    old = {"memory": {"score_floor": 0.3, "context_tokens": 900, "recovery": "off", "memory_tokens": 5000}}
    expected = Settings(
        MemoryConfig(memory_tokens=5000, recovery=False), ProgramConfig(context_tokens=900, score_floor=0.3)
    )
    assert load_parameters(written(tmp_path / "old.json", old)).settings == expected


def test_a_config_saved_before_a_setting_existed_has_its_default() -> None:
    assert config_from(ProgramConfig, {"max_hops": 3}) == replace(ProgramConfig(), max_hops=3)


def test_the_ranking_of_the_config_is_that_of_the_memories() -> None:
    turns = [
        Turn(session=1, number=1, speaker="Ana", text="Where is the kite?"),
        Turn(session=1, number=2, speaker="Bo", text="I flew a red kite on the hill."),
    ]
    questions_first = MemoryConfig(ranking=RankingConfig(question_prior=9.0))
    first = [
        memories["chat"].rank("the red kite")[0].id
        for memories in (Memories.of({"chat": turns}, config) for config in (MemoryConfig(), questions_first))
    ]
    assert first == ["D1:2", "D1:1"]


def test_windows_of_a_file_from_before_passages_have_todays_defaults_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = {"ranking": {"window_before": [0.6, 0.4, 0.2], "window_after": [], "bm25_k1": 1.3}}
    loaded = load_parameters(written(tmp_path / "old.json", content))
    assert loaded.settings.memory.ranking == RankingConfig(bm25_k1=1.3)
    (record,) = caplog.records
    assert record.getMessage().startswith("window_before, window_after: lists of shares are of an earlier version")
