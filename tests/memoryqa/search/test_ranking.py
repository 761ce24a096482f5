"""search.ranking against a slow reference, written from the recipe in plain Python, passage by passage."""

from __future__ import annotations

import math
import random
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_ranking import DAY, Reference, configs, index_of, long_history, passages_of, questions, weight
from strategies import WORDS, chats, conversations, dialogues, tagged, texts

from memoryqa.cli.commands.search import MIN_SCORE
from memoryqa.config import RankingConfig
from memoryqa.language.first_person import says_i
from memoryqa.language.question import Window
from memoryqa.search.date_match import match_dates
from memoryqa.search.ranking import PassageIndex
from memoryqa.turns import Turn

HOBBIES = [Turn(1, number, "Ines", "hiking, chess, yoga, running and knitting", DAY) for number in range(3)]
WEIGHTS = [one.name for one in fields(RankingConfig) if one.name.endswith(("_prior", "_weight"))]
OUTING = [
    Turn(1, 1, "Ines", "The theater had a blockbuster on, a film of dwarfs.", DAY),
    Turn(1, 2, "Bo", "I prefer the stage and a comedy.", DAY),
    Turn(1, 3, "Ines", "Hollywood, popcorn and a filmmaker in the audience!", DAY),
]
NUMBERS = [
    Turn(1, 1, "Ines", "Ask Petrov, 0151 555 0172.", DAY),
    Turn(1, 2, "Bo", "Or see https://example.org/a, and write to jo@example.org", DAY),
    Turn(1, 3, "Ines", "The mail came.", DAY),
]
CROWD = ("Ines", "Bo", "Lena", "Marta", "Xu")


@pytest.mark.slow
@given(
    st.one_of(
        dialogues(),
        tagged(dialogues()),
        dialogues(speakers=("Ines",)),
        tagged(dialogues(speakers=CROWD)),
        dialogues(speakers=("User", "Assistant")),
        chats(),
        tagged(chats(speakers=CROWD)),
    ),
    st.lists(questions, min_size=1, max_size=3),
    st.one_of(st.just(RankingConfig()), configs),
)
@settings(max_examples=150)
@example(HOBBIES, ["Which hobby or sport?", "What exercise?"], RankingConfig())
@example(
    OUTING,
    ["What was on at the cinema?", "Which play in which theater or auditorium, and what drama?"],
    RankingConfig(),
)
@example(
    [Turn(1, 1, "Ines", "hello", DAY), Turn(2, 1, "Bo", "hello", DAY + timedelta(days=16))],
    [f"Was Ines at home on {DAY + timedelta(days=19):%-d %B %Y}?"],
    RankingConfig(),
)
@example(NUMBERS, ["phone of the plumber", "What was the link, and the mail?"], RankingConfig())
@example([Turn(1, 1, "Ines", "May 昨天我去了博物馆。很好看！", DAY)], ["博物馆 May"], RankingConfig())
def test_scores_are_those_of_the_reference(turns: list[Turn], queries: list[str], config: RankingConfig) -> None:
    scores = index_of(turns, config).score(queries)
    assert scores.shape == (sum(len(passages_of(turn)) for turn in turns),)
    assert scores.tolist() == pytest.approx(Reference(turns, config).score(queries), abs=1e-9)


@given(dialogues(), questions, st.permutations(range(8)))
def test_scores_are_those_of_the_reference_when_sessions_come_back(
    turns: list[Turn], query: str, order: list[int]
) -> None:
    shuffled = [turn for place in order for turn in turns[place::8]]
    scores = index_of(shuffled).score([query])
    assert scores.tolist() == pytest.approx(Reference(shuffled, RankingConfig()).score([query]), abs=1e-9)


# -- order -------------------------------------------------------------------------------------------------------------


def with_some_tags(turns: list[Turn], seed: int) -> list[Turn]:
    rng = random.Random(seed)
    return [replace(turn, tags=tuple(rng.choices(WORDS, k=rng.choice((0, 0, 1, 3))))) for turn in turns]


@pytest.mark.slow
@given(
    st.integers(0, 10_000),
    st.sampled_from((1, 63, 64, 65, 250)),
    st.booleans(),
    st.lists(questions, min_size=1, max_size=3),
    st.one_of(st.just(RankingConfig()), configs),
)
@settings(max_examples=80)
def test_best_gives_the_order_of_the_scores_however_long_the_history(
    seed: int, num_sessions: int, has_tags: bool, queries: list[str], config: RankingConfig
) -> None:
    turns = long_history(seed, num_sessions)
    index = index_of(with_some_tags(turns, seed) if has_tags else turns, config)
    scores = index.score(queries)
    order = list(index.best(queries))
    assert sorted(order) == list(range(len(index)))
    # sums of the same numbers in blocks of another size may differ in their last bit
    np.testing.assert_allclose(scores[order], np.sort(scores)[::-1], atol=1e-9)
    if num_sessions <= 64:
        assert order == np.argsort(-scores, kind="stable").tolist()


@given(st.one_of(dialogues(), chats()), st.lists(questions, min_size=1, max_size=2))
def test_asking_while_turns_are_added_changes_nothing(turns: list[Turn], queries: list[str]) -> None:
    growing, unfinished = PassageIndex(), []
    for turn in turns:
        growing.add(turn, passages_of(turn))
        growing.score(queries)
        unfinished.append(growing.best(queries))
        next(unfinished[-1])
    assert growing.score(queries).tolist() == index_of(turns).score(queries).tolist()
    assert len(growing) == sum(len(passages_of(turn)) for turn in turns)
    assert growing.speakers == tuple(dict.fromkeys(turn.speaker for turn in turns))


# -- each part by itself -----------------------------------------------------------------------------------------------


def ranked(turns: list[Turn], *queries: str, **config: Any) -> list[str]:
    """Ids in the order of rank, by the parts named in `config` alone besides the words."""
    nothing: dict[str, Any] = dict.fromkeys([*WEIGHTS, "speaker_share"], 0.0)
    index = index_of(turns, RankingConfig(**(nothing | {"window_before": 0.0, "window_after": 0.0} | config)))
    return [turns[place].id for place in index.best(queries)]


def test_a_reply_inherits_the_words_of_the_question_before_it_within_the_session_only() -> None:
    turns = [
        Turn(1, 1, "Ines", "How was the regatta?"),
        Turn(1, 2, "Bo", "Tiring!"),
        Turn(1, 3, "Bo", "Bread is in the oven."),
        Turn(2, 1, "Ines", "Soup is on the stove."),
    ]
    scores = index_of(turns, RankingConfig(window_before=0.6, window_after=0.0)).score(["regatta"])
    plain = index_of(turns, RankingConfig(window_before=0.0, window_after=0.0)).score(["regatta"])
    assert scores[1] > plain[1]
    assert ranked(turns, "regatta", window_before=0.6) == ["D1:1", "D1:2", "D1:3", "D2:1"]
    neighbours = [Turn(1, 1, "Ines", "regatta"), Turn(2, 1, "Bo", "soup"), Turn(2, 2, "Bo", "soup")]
    wide = index_of(neighbours, RankingConfig(window_before=1.0, opening_prior=0.0, session_weight=0.0))
    assert wide.score(["regatta"]).tolist()[1:] == [0.0, 0.0]


def test_words_used_like_those_of_the_question_are_found_where_it_was_not_said_otherwise() -> None:
    turns = [Turn(1, 1, "Bo", "Bread is in the oven."), Turn(2, 1, "Bo", "They showed a film at the theater.")]
    assert ranked(turns, "cinema", related_weight=0.6)[0] == "D2:1"
    assert (
        index_of(turns, RankingConfig(related_weight=0.0)).score(["cinema"])[1] < index_of(turns).score(["cinema"])[1]
    )
    said = [*turns, Turn(3, 1, "Bo", "The cinema was full.")]
    assert ranked(said, "cinema", related_weight=0.6)[0] == "D3:1", "the word itself counts most"


def test_the_first_passage_of_a_long_turn_is_handicapped_less_than_the_others() -> None:
    long = " ".join(f"Step {number}: boil the beans and stir them well, then wait." for number in range(60))
    scores = index_of([Turn(1, 1, "Bo", "So?"), Turn(1, 2, "Bo", long)]).score(["otter"])
    assert len(scores) > 3
    assert scores[1] > scores[2] == pytest.approx(scores[3])


def test_rare_words_count_more_than_common_ones() -> None:
    turns = [*(Turn(1, number, "Bo", "boat trip") for number in range(1, 6)), Turn(1, 9, "Bo", "kestrel trip")]
    assert ranked(turns, "boat kestrel")[0] == "D1:9"


def test_a_word_that_only_this_conversation_seldom_has_counts_less_than_one_that_is_rare_in_english() -> None:
    other = [Turn(1, number, "Bo", "bread and soup") for number in range(1, 9)]
    turns = [*other, Turn(2, 1, "Bo", "a new kind"), Turn(2, 2, "Bo", "a new kestrel")]
    assert ranked(turns, "Which kestrel is kind?")[:2] == ["D2:2", "D2:1"]
    assert ranked(turns, "Welche Art von kestrel, welcher kind?")[0] == "D2:1", "the table is English"


def test_what_the_speaker_named_says_counts_more_the_better_it_matches() -> None:
    turns = [Turn(1, 1, "Ines", "a kestrel"), Turn(2, 1, "Bo", "a kestrel"), Turn(3, 1, "Bo", "a soup")]
    weightless = dict.fromkeys(["window_before", "window_after", *WEIGHTS], 0.0)
    scores = index_of(turns, RankingConfig(**weightless, speaker_share=0.2)).score(["Bo's kestrel"]).tolist()
    assert scores[1] == pytest.approx(scores[0] * 1.2 / 0.8)
    assert scores[2] == 0.0
    everybody = index_of(turns, RankingConfig(**weightless, speaker_share=0.2)).score(["Bo's or Ines's kestrel"])
    assert everybody[0] == everybody[1]


def test_a_short_line_counts_more_where_brevity_does_and_only_so_far() -> None:
    texts = ["soup", "soup is what we ate", *("soup " + "bread and butter, " * n for n in (3, 6, 40, 60))]
    turns = [Turn(n, 1, "Bo", text) for n, text in enumerate(texts)]
    weightless = dict.fromkeys(["window_before", "window_after", *WEIGHTS], 0.0)
    scores = index_of(turns, RankingConfig(**weightless | {"brevity_weight": 0.5}, bm25_b=0.0)).score(["kestrel"])
    tokens = np.array([line.tokens for turn in turns for line in passages_of(turn)])
    assert scores == pytest.approx(0.5 * np.clip(np.log2(30 / tokens), -2, 2))
    assert scores[0] > scores[2] > scores[3] > scores[4] == scores[5] == -1.0


def test_supporting_queries_are_the_words_of_the_speaker_named() -> None:
    turns = [Turn(1, 1, "Ines", "soup"), Turn(2, 1, "Bo", "soup"), Turn(3, 1, "Bo", "boat"), Turn(4, 1, "Ines", "boat")]
    weightless = dict.fromkeys(["window_before", "window_after", *WEIGHTS], 0.0)
    config = RankingConfig(**weightless | {"query_weight": 1.0}, speaker_share=0.1, query_share=0.3)
    asked = index_of(turns, config).score(["Bo's soup?", "boat"]).tolist()
    assert asked[1] / asked[0] == pytest.approx(1.1 / 0.9), "the question's own word"
    assert asked[2] / asked[3] == pytest.approx(1.3 / 0.7), "a word of the query"
    nobody = index_of(turns, config).score(["soup?", "boat"]).tolist()
    assert nobody[2] == nobody[3] == pytest.approx(asked[2] / 1.3)


def test_what_does_not_depend_on_words_weighs_as_much_beside_supporting_queries() -> None:
    turns = [Turn(1, 1, "Bo", "boat"), Turn(1, 2, "Bo", "boat?"), Turn(2, 1, "Bo", "soup")]
    weightless = dict.fromkeys(["window_before", "window_after", *WEIGHTS], 0.0)

    def handicap(*queries: str, **weights: float) -> float:
        config = RankingConfig(**weightless | {"question_prior": -0.1, **weights})
        statement, asking, _ = index_of(turns, config).score(queries).tolist()
        return statement - asking

    assert handicap("boat", query_weight=1.5) == pytest.approx(0.1)
    assert handicap("boat", "kestrel boat", query_weight=1.5) == pytest.approx(0.25)
    assert handicap("When was the boat?", "boat", query_weight=1.5) == pytest.approx(0.175), "queries count half"
    assert handicap("boat", "boat", query_weight=1.5) == pytest.approx(0.1), "the question again is no other query"


def test_the_speaker_named_counts_most_where_they_speak_of_themselves() -> None:
    turns = [Turn(1, 1, "Bo", "a kestrel"), Turn(2, 1, "Bo", "my kestrel"), Turn(3, 1, "Ines", "my kestrel")]
    assert ranked(turns, "Which kestrel is Bo's?", first_person_weight=0.1) == ["D2:1", "D1:1", "D3:1"]
    assert ranked(turns, "Which kestrel is it?", first_person_weight=0.1) == ["D1:1", "D2:1", "D3:1"]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("I'm tired", "en", True),
        ("im tired", "en", True),
        ("We left.", "en", True),
        ("Is it yours, mineral?", "en", False),
        ("You and this in the US", "en", False),
        ("Ich bin müde", "de", True),
        ("Du bist müde", "de", False),
    ],
)
def test_who_speaks_of_themselves(text: str, code: str, says: bool) -> None:
    assert says_i(text, code) is says


def test_each_part_moves_the_turns_it_is_for() -> None:
    days = [DAY, DAY + timedelta(60), DAY + timedelta(120)]
    turns = [Turn(n + 1, 1, ("Ines", "Bo")[n % 2], ("soup?", "boat", "film yesterday")[n], days[n]) for n in range(3)]
    assert ranked(turns, "What did Bo do?", speaker_weight=0.1)[0] == "D2:1"
    assert ranked(turns, "Did Bo and Ines meet?", speaker_weight=0.1) == ["D1:1", "D2:1", "D3:1"]
    assert ranked(turns, "in September 2023", date_weight=0.3)[0] == "D3:1"
    assert ranked(turns, "When was it?", time_prior=0.2)[0] == "D3:1"
    assert ranked(turns, "movie", synonym_weight=0.2)[0] == "D3:1"
    assert ranked(turns, "vehicle", instance_weight=0.2)[0] == "D2:1"
    turns_tagged = [*turns[:2], replace(turns[2], tags=("evening out", "culture"))]
    assert ranked(turns_tagged, "Any evenings?", tag_weight=0.2)[0] == "D3:1"
    assert ranked(turns, "anything", question_prior=-0.1)[-1] == "D1:1"
    assert ranked(turns, "anything", "boat", query_weight=1.0)[0] == "D2:1"


@given(dialogues(), st.lists(questions, min_size=1, max_size=2), st.integers(0, 99), weight)
def test_without_tags_their_weight_and_without_weight_the_tags_change_nothing_to_the_bit(
    turns: list[Turn], queries: list[str], seed: int, any_weight: float
) -> None:
    plain = index_of(turns).score(queries).tolist()
    assert index_of(turns, RankingConfig(tag_weight=any_weight)).score(queries).tolist() == plain
    assert index_of(with_some_tags(turns, seed), RankingConfig(tag_weight=0.0)).score(queries).tolist() == plain


def test_a_tag_that_nobody_says_is_found_and_counts_once_however_often_it_is_written() -> None:
    turns = [Turn(1, number, "Ines", text) for number, text in enumerate(("soup", "boat", "film", "mill"), 1)]
    once = [*turns[:2], replace(turns[2], tags=("hobby",)), turns[3]]
    often = [*turns[:2], replace(turns[2], tags=("hobbies", "a hobby", "hobby")), turns[3]]
    assert ranked(once, "What are the hobbies?", tag_weight=0.5)[0] == "D1:3"
    assert index_of(often).score(["hobbies"]).tolist() == index_of(once).score(["hobbies"]).tolist()


def test_the_less_is_said_between_the_more_a_neighbour_lends_and_a_long_answer_lends_nothing() -> None:
    def scores(*texts: str) -> list[float]:
        turns = [Turn(1, number, "Ines", text) for number, text in enumerate(texts)]
        weights = {"opening_prior": 0.0, "session_weight": 0.0, "question_prior": 0.0, "length_weight": 0.0}
        return index_of(turns, RankingConfig(**weights)).score(["regatta"]).tolist()

    near, far = scores("regatta", "tiring", "wet"), scores("regatta", "tiring " * 40, "wet")
    assert near[0] > near[1] > near[2] > far[-1] > 0
    assert scores("regatta " + "soup bread. " * 300, "wet")[-1] == 0.0


def test_each_passage_of_a_long_turn_is_ranked_by_what_it_says() -> None:
    text = " ".join(f"Item {number} is {word} and nothing else." for number in range(60) for word in ("bread", "soup"))
    turns = [Turn(1, 1, "User", "boat"), Turn(1, 2, "Assistant", f"{text} The kestrel has landed. {text}")]
    lines = [line for turn in turns for line in passages_of(turn)]
    best = next(iter(index_of(turns).best(["kestrel"])))
    assert "kestrel" in lines[best].said
    assert lines[best].part is not None
    assert 0 < lines[best].part.number < lines[best].part.of - 1


def test_a_long_turn_code_and_the_assistant_rank_behind_unless_they_are_asked_for() -> None:
    turns = [
        Turn(1, 1, "User", "The boat is red."),
        Turn(1, 2, "Assistant", "The boat is red."),
        Turn(1, 3, "User", "The boat is red. " + "Soup and bread are nice. " * 60),
        Turn(1, 4, "User", "const boat = {red}; let x = f[0]; y(z);"),
    ]
    lines = [line for turn in turns for line in passages_of(turn)]

    def order(query: str, **config: float) -> list[str]:
        nothing = dict.fromkeys([*WEIGHTS, "speaker_share", "window_before", "window_after"], 0.0)
        places = index_of(turns, RankingConfig(**(nothing | config))).best([query])
        return list(dict.fromkeys(lines[place].turn.id for place in places))

    assert order("Is it red?")[:2] == ["D1:1", "D1:2"]
    assert order("Is it red?", role_weight=1.0)[-1] == "D1:2"
    assert order("Did you say that it is red?", role_weight=1.0)[:2] == ["D1:1", "D1:2"]
    assert order("soup", role_weight=5.0) == order("soup", role_weight=0.1)
    assert order("soup")[0] == "D1:3"
    assert order("soup", length_weight=3.0)[-1] == "D1:3"
    assert order("What did you recommend, soup?", length_weight=1.0)[0] == "D1:3"
    assert order("red", code_weight=0.9)[-1] == "D1:4"


def test_every_message_of_a_burst_answers_the_question_of_the_burst_before_it() -> None:
    turns = [
        Turn(1, 1, "Ines", "soup"),
        Turn(1, 2, "Ines", "Which boat?"),
        Turn(1, 3, "Ines", "mill"),
        Turn(1, 4, "Bo", "film"),
        Turn(1, 5, "Bo", "bread"),
        Turn(1, 6, "Ines", "kettle"),
    ]
    scores = index_of(turns, RankingConfig(opening_prior=0.0, question_prior=0.0, reply_prior=0.2)).score(["lamp"])
    assert scores.tolist() == pytest.approx([0, 0, 0, 0.2, 0.2, 0])


def test_a_question_naming_the_only_speaker_prefers_nobody() -> None:
    turns = [Turn(1, 1, "Ines", "soup"), Turn(1, 2, "Ines", "boat")]
    index = index_of(turns)
    assert index.score(["Ines boat"]).tolist() == index.score(["boat"]).tolist()


def test_dates_match_inside_fade_after_and_a_day_looks_ahead() -> None:
    first = date(2023, 5, 8)
    days = np.array([first.toordinal() + offset for offset in (-4, -3, 0, 7, 21, 400)] + [-1])
    assert match_dates([Window(first, first)], days) == pytest.approx([0, 0.4, 1, 2 / 3, 0, 0, 0])
    month = Window(date(2023, 5, 1), date(2023, 5, 31), 0.3)
    assert match_dates([month], days) == pytest.approx([0.3, 0.3, 0.3, 0.3, 0.3, 0, 0])
    assert match_dates([], days).tolist() == [0.0] * 7


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("博物馆在哪里？", "D1:1"),
        ("Где музей?", "D1:2"),
        ("أين المتحف", "D1:3"),
        ("ラーメン", "D1:4"),
        ("ØRRET", "D1:5"),
    ],
)
def test_other_scripts_are_searched_too(query: str, found: str) -> None:
    said = ("昨天我去了博物馆", "Мы нашли музей", "زرنا المتحف", "おいしいラーメン", "Vi spiste ørret")
    turns = [Turn(1, number, "Ines", text) for number, text in enumerate(said, 1)]
    assert ranked(turns, query)[0] == found


# -- any input ---------------------------------------------------------------------------------------------------------


@given(st.one_of(conversations(), chats()), st.lists(st.one_of(texts, questions), min_size=1, max_size=4))
def test_scores_are_finite_for_any_text(turns: list[Turn], queries: list[str]) -> None:
    index = index_of(turns)
    assert np.isfinite(index.score(queries)).all()
    assert sorted(index.best(queries)) == list(range(sum(len(passages_of(turn)) for turn in turns)))


@pytest.mark.parametrize("query", ["", "?", "zeppelin", "the and of", "🙂"])
def test_a_question_without_known_terms_leaves_the_priors(query: str) -> None:
    turns = [Turn(1, 1, "Ines", "soup"), Turn(1, 2, "Bo", "boat?"), Turn(1, 3, "Ines", "film")]
    config = RankingConfig(opening_prior=0.3, question_prior=-0.1, reply_prior=0.2)
    assert index_of(turns, config).score([query]).tolist() == pytest.approx([0.3, -0.1, 0.2])


def test_a_repeated_query_counts_once_and_no_query_is_refused() -> None:
    index = index_of(long_history(2, 9))
    assert index.score(["otter", "mill", "mill", "otter"]).tolist() == index.score(["otter", "mill"]).tolist()
    with pytest.raises(ValueError, match="at least one query"):
        index.score([])


def test_an_empty_index_has_no_scores() -> None:
    assert PassageIndex().score(["otter"]).tolist() == list(PassageIndex().best(["otter"])) == []


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"bm25_k1": 0.0}, "bm25_k1"),
        ({"bm25_k1": -1.0}, "bm25_k1"),
        ({"bm25_k1": math.nan}, "bm25_k1"),
        ({"bm25_k1": math.inf}, "bm25_k1"),
        ({"bm25_b": 1.1}, "bm25_b"),
        ({"bm25_b": -0.1}, "bm25_b"),
        ({"date_weight": math.inf}, "date_weight"),
        ({"date_weight": -0.1}, "date_weight"),
        ({"tag_weight": -0.1}, "tag_weight"),
        ({"question_prior": math.nan}, "question_prior"),
        ({"window_before": math.nan}, "window_before"),
        ({"window_after": -0.1}, "window_after"),
        ({"window_before": 1.1}, "window_before"),
        ({"window_tokens": 0.5}, "window_tokens"),
        ({"length_weight": -0.1}, "length_weight"),
    ],
)
def test_a_config_that_cannot_rank_is_refused_by_name(bad: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        RankingConfig(**bad)


def test_every_weight_says_what_it_is() -> None:
    assert all(one.metadata["help"] for one in fields(RankingConfig))


@pytest.mark.slow
@given(st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_a_score_floor_cuts_the_ranking_where_scores_fall_below_it(floor: float, seed: int) -> None:
    index = PassageIndex()
    chosen = random.Random(seed)
    for session in range(1, 150):  # more chunks than are scored at once
        for number in range(1, 10):
            words = chosen.choices(("boat", "harbour", "otter", "lamp", "kettle", "moss", "train"), k=4)
            turn = Turn(session, number, "Ines", " ".join(words))
            index.add(turn, passages_of(turn))
    scores = index.score(["the otter in the boat"])
    order = np.argsort(-scores, kind="stable").tolist()
    kept = [turn for turn in order if scores[turn] >= floor * scores.max()] if floor and scores.max() > 0 else order
    assert list(index.best(["the otter in the boat"], score_floor=floor)) == kept


def test_a_word_said_often_needs_no_related_words_and_is_none() -> None:
    def gain(question: str, *said: str) -> float:
        turns = [Turn(number, 1, "Bo", text) for number, text in enumerate(said)]
        without = index_of(turns, RankingConfig(related_weight=0.0)).score([question])
        return float(np.abs(index_of(turns).score([question]) - without).max())

    assert gain("cinema", "We saw a theater.", "The cinema was full.") > 0
    assert gain("cinema", "We saw a theater.", *["The cinema was full."] * 201) == 0
    assert gain("cinema", "Bread is in the oven.", *["We saw a theater."] * 200) > 0
    assert gain("cinema", "Bread is in the oven.", *["We saw a theater."] * 201) == 0


@pytest.mark.slow
@pytest.mark.parametrize("words", [1_000, 30_000, 100_000])
def test_a_line_of_a_book_scores_as_much_as_one_of_a_chapter(words: int) -> None:
    text = "word " * words + "The safe opens with 48213. " + "more " * words
    best = index_of([Turn(1, 1, "Ana", text)]).score(["What opens the safe?"]).max()
    assert best > MIN_SCORE
