from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import conversations, tagged, texts

from memoryqa.memory import AdaptiveMemory
from memoryqa.tags.files import MAX_TAGS, Tags, TagsError, load_tags, open_tags, parse_tags, save_tags, with_tags
from memoryqa.turns import Turn

SESSION = [Turn(8, number, "Ines", f"Line {number}.") for number in (1, 2, 3, 12)]


# -- what an LM wrote --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "3: pet, new home",
        "  3 : pet , new home.",
        "- 3: pet; new home",
        "**3**: *pet*, *new home*",
        "**3:** pet, new home",
        "3. pet, new home",
        "3) pet, new home",
        "[3] pet, new home",
        "3 - pet, new home",
        "Line 3: pet, new home",
        "D8:3: pet, new home",
        "8:3: pet, new home",
        "3 Ines: pet, new home",
        '"3": ["pet", "new home"],',
        "3: pet,, new  home, PET, none, and this is far too long for a tag",
    ],
)
def test_a_line_is_read_in_whatever_form_a_model_writes_it(line: str) -> None:
    answer = f"Here are the tags:\n\n1: kite\n{line}\n12: river\n\nI hope this helps!"
    assert {turn_id: tuple(map(str.lower, tags)) for turn_id, tags in parse_tags(answer, SESSION).items()} == {
        "D8:1": ("kite",),
        "D8:3": ("pet", "new home"),
        "D8:12": ("river",),
    }


def test_what_names_no_line_of_the_session_is_left_out_and_lines_that_come_twice_are_joined() -> None:
    answer = "1: kite\n4: ghost\n9:1: ghost\n99999999: ghost\n2 words, without colon\n1: wind, kite\n3: none\n3:"
    assert parse_tags(answer, SESSION) == {"D8:1": ("kite", "wind")}


def test_tags_beyond_the_most_are_left_out() -> None:
    many = ", ".join(f"word{number}" for number in range(40))
    assert parse_tags(f"2: {many}", SESSION) == {"D8:2": tuple(f"word{number}" for number in range(MAX_TAGS))}


@pytest.mark.parametrize("answer", ["none", "None.", "**none**\n", "-"])
def test_an_answer_may_say_that_there_is_nothing(answer: str) -> None:
    assert parse_tags(answer, SESSION) == {}


@pytest.mark.parametrize(
    "answer", ["", "I cannot help with that.", "77: ghost", "Nothing stands out, 3 lines are nice."]
)
def test_an_answer_of_which_nothing_can_be_read_is_an_error(answer: str) -> None:
    with pytest.raises(TagsError, match="no line of the form 'number: words'") as error:
        parse_tags(answer, SESSION)
    assert "\n" not in str(error.value)


numbered = st.lists(st.tuples(st.integers(0, 13), texts).map(lambda line: f"{line[0]}: {line[1]}")).map("\n".join)


@given(st.one_of(texts, numbered))
@example("3: " + "a" * 5000)
@example("3" * 5000)
def test_any_answer_gives_few_short_tags_of_turns_that_are_there_or_a_plain_error(answer: str) -> None:
    try:
        tags = parse_tags(answer, SESSION)
    except TagsError:
        return
    assert tags.keys() <= {turn.id for turn in SESSION}
    for words in tags.values():
        assert 1 <= len(words) <= MAX_TAGS
        assert all(word and len(word) <= 60 and len(word.split()) <= 5 for word in words)


# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.builds(Tags, texts, st.dictionaries(texts, st.dictionaries(texts, st.lists(texts, max_size=3).map(tuple)))))
def test_tags_come_back_from_their_file_as_they_were(tags: Tags) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_tags(Path(folder) / "tags.json", tags)
        assert load_tags(Path(folder) / "tags.json") == tags
        assert [one.name for one in Path(folder).iterdir()] == ["tags.json"]


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tags.json"
    path.mkdir()
    with pytest.raises(OSError):
        save_tags(path, Tags("me"))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file"),
        (b"\xff\xfe", "cannot be read as JSON"),
        (b"{", "cannot be read as JSON"),
        (b"[]", 'expected {"conversations": {conversation id: {turn id: [words]}}}'),
        (b'{"D1:1": ["hobby"]}', 'expected {"conversations"'),
        (b'{"conversations": {"chat": ["hobby"]}}', "chat must be an object of turn id: [words]"),
        (b'{"conversations": {"chat": {"D1:1": "hobby"}}}', "the tags of chat D1:1 must be a list of words"),
        (b'{"conversations": {"chat": {"D1:1": [1]}}}', "the tags of chat D1:1 must be a list of words"),
    ],
)
def test_a_file_that_holds_no_tags_is_one_line_that_names_it(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "tags.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TagsError) as error:
        load_tags(path)
    assert str(error.value).startswith(f"{path}: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_another_writer_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "tags.json"
    assert open_tags(path, "a/model") == Tags("a/model", {})
    save_tags(path, Tags("a/model", {"chat": {"D1:1": ("hobby",)}}))
    assert open_tags(path, "a/model").conversations == {"chat": {"D1:1": ("hobby",)}}
    with pytest.raises(TagsError, match=r"tags\.json: written by a/model, not by b/model; use it as it is, or name"):
        open_tags(path, "b/model")
    path.write_text(json.dumps({"conversations": {}}))
    with pytest.raises(TagsError, match="written by nobody it names, not by b/model"):
        open_tags(path, "b/model")


# -- with turns --------------------------------------------------------------------------------------------------------


def test_tags_are_added_to_their_turns_and_the_others_stay_as_they_are() -> None:
    given = [replace(SESSION[0], tags=("old",)), *SESSION[1:]]
    tagged_turns = with_tags(given, {"D8:2": ("kite",), "D8:3": ()})
    assert tagged_turns == [given[0], replace(SESSION[1], tags=("kite",)), *SESSION[2:]]


def test_tags_of_other_data_are_refused() -> None:
    with pytest.raises(
        TagsError, match="tags of D9:9, which is no turn of the conversation: they belong to other data"
    ):
        with_tags(SESSION, {"D8:1": ("kite",), "D9:9": ("ghost",)})


def test_a_session_is_tagged_when_each_of_its_turns_has_been_read() -> None:
    turns = [*SESSION, Turn(9, 1, "Bo", "Hi!"), Turn(10, 1, "Bo", "Hello!")]
    tags = Tags(conversations={"chat": {**{turn.id: () for turn in SESSION[:3]}, "D9:1": ()}})
    found = list(tags.untagged({"chat": turns, "other": SESSION}))
    assert found == [("chat", SESSION), ("chat", turns[-1:]), ("other", SESSION)], "D8:12 came after the tags"
    assert list(tags.untagged({})) == []


@given(tagged(conversations()), st.integers(1, 400), texts)
def test_tags_are_never_shown_and_cost_nothing(turns: list[Turn], budget_tokens: int, query: str) -> None:
    plain, with_them = AdaptiveMemory(budget_tokens), AdaptiveMemory(budget_tokens)
    plain.extend(replace(turn, tags=()) for turn in turns)
    with_them.extend(turns)
    assert with_them.render() == plain.render()
    assert with_them.transcript().text == plain.transcript().text
    assert with_them.stats() == plain.stats()
    found = with_them.search(query, 100)
    assert found.tokens <= 100
    if len(found.lines) == 1:  # perhaps in part, which only a search shows
        assert found.text == plain.search(query, 100, keep=found.line_ids).text
    else:
        assert found.text == plain.pack((replace(turn, tags=()) for turn in found.turns), 100).text
