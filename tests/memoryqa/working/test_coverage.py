from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import chats, conversations, dialogues

from memoryqa.config import CoverageConfig
from memoryqa.language.facts import probes
from memoryqa.language.terms import terms
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import Line, render_turn
from memoryqa.turns import Turn, render_header
from memoryqa.working import coverage
from memoryqa.working.coverage import CoverageChain

SHIPPED = CoverageConfig()


def lines_of(turns: list[Turn]) -> list[Line]:
    return [
        line for turn in turns for line in render_turn(turn, frozenset(), render_header(turn.session, turn.time))[1]
    ]


def features(line: Line) -> set[str]:
    said = line.body
    return {*terms(said), *(f"probe {probe}" for probe in probes(said))}


def worth_per_token(line: Line, ranked: list[Line], taken: list[Line], config: CoverageConfig = SHIPPED) -> float:
    """From the definition: what `line` adds to those taken, rarities being those in the ranked lines."""
    held = Counter(feature for one in ranked for feature in features(one))
    said = Counter(feature for one in taken for feature in features(one))

    def worth(feature: str) -> float:
        rarity = math.log(1 + (len(ranked) - max(1, held[feature]) + 0.5) / (max(1, held[feature]) + 0.5))
        return (config.probe_worth if feature.startswith("probe ") else rarity) * config.repeat_share ** said[feature]

    return math.fsum(map(worth, features(line))) * share_of(line, ranked, config) / (line.tokens + config.header_tokens)


def share_of(line: Line, ranked: list[Line], config: CoverageConfig) -> float:
    """Questions, passages of long turns and an assistant's lines count less; who is one is known from who spoke."""
    share = config.question_share if line.said.rstrip().endswith("?") else 1.0
    heard = {one.turn.speaker for one in [*ranked, line] if one.key <= line.key}
    share *= config.role_share if heard == {"User", "Assistant"} and line.turn.speaker == "Assistant" else 1.0
    if line.part is not None:
        share /= line.part.of**config.length_exponent
        share *= config.later_share if line.part.number > 0 else 1.0
    return share


def is_its_time(line: Line, taken: list[Line], config: CoverageConfig) -> bool:
    held = sum(one.tokens for one in taken)
    return line.tokens <= config.short_tokens or config.wait_lengths * line.tokens <= held


def candidates(lines: list[Line], taken: list[int], config: CoverageConfig) -> list[int]:
    """Places that may be taken next."""
    left = [place for place, line in enumerate(lines) if line.text and place not in taken]
    now = [place for place in left if is_its_time(lines[place], [lines[one] for one in taken], config)]
    return now or [place for place in left if lines[place].tokens == min(lines[one].tokens for one in left)]


talks = st.one_of(conversations(max_turns=12), dialogues(), chats())


configs = st.builds(
    CoverageConfig,
    probe_worth=st.floats(0, 20),
    repeat_share=st.floats(0, 1),
    question_share=st.floats(0, 1),
    role_share=st.floats(0, 1),
    later_share=st.floats(0, 1),
    length_exponent=st.floats(0, 3),
    header_tokens=st.floats(1, 40),
    short_tokens=st.integers(0, 60),
    wait_lengths=st.floats(0, 10),
)


@pytest.mark.slow
@given(talks, st.just(SHIPPED) | configs)
@settings(max_examples=120)
def test_each_line_taken_is_the_best_of_those_left(turns: list[Turn], config: CoverageConfig) -> None:
    lines = lines_of(turns)
    chain = CoverageChain(lines, config)
    taken: list[int] = []
    for place in chain.rank():
        ranked, before = lines[: chain.ranked], [lines[one] for one in taken]
        worth = {one: worth_per_token(lines[one], ranked, before, config) for one in candidates(ranked, taken, config)}
        assert worth[place] >= max(worth.values()) - 1e-9
        taken.append(place)
    assert sorted(taken) == [place for place, line in enumerate(lines[: chain.ranked]) if line.text]
    assert 4 * len(lines) <= 5 * chain.ranked + 4, "no more than a quarter is left to insert"


@given(talks, st.integers(0, 8))
def test_what_is_taken_does_not_depend_on_how_much_is_wanted(turns: list[Turn], wanted: int) -> None:
    lines = lines_of(turns)
    assert list(islice(CoverageChain(lines).rank(), wanted)) == list(CoverageChain(lines).rank())[:wanted]


@pytest.mark.slow
@given(talks, st.data())
@settings(max_examples=100)
def test_a_line_that_comes_later_stands_where_it_would_have_been_taken(turns: list[Turn], data: st.DataObject) -> None:
    lines = [line for line in lines_of(turns) if line.tokens <= 32][:8]  # none has to wait, no term comes too often
    chain = CoverageChain(lines)
    order = list(chain.rank())
    if chain.ranked == len(lines):
        return
    new, ranked = lines[chain.ranked], lines[: chain.ranked]
    ahead = []  # by how much the new line would have been better than each of the others when that was taken
    for at, place in enumerate(order):
        taken = [lines[one] for one in order[:at]]
        ahead.append(worth_per_token(new, ranked, taken) - worth_per_token(lines[place], ranked, taken))
    first, last = (next((at for at, one in enumerate(ahead) if one > least), len(order)) for least in (-1e-9, 1e-9))
    held = data.draw(st.integers(0, len(order)))
    for _ in order[held:]:
        chain.pop()
    if not chain.insert(chain.ranked):
        assert not new.text or last > held or (held < len(order) and last == held and first < held), "behind what left"
        return
    popped = [chain.pop()]
    while popped[-1] != chain.ranked:
        popped.append(chain.pop())
    at = held - len(popped) + 1
    assert popped[:-1] == order[at:held][::-1]
    assert first <= at <= last


def test_a_line_with_a_number_and_a_name_comes_first() -> None:
    said = ("We went to the shop again", "In 1964 we sailed with Pip", "Did we sail with Pip in 1964?")
    lines = lines_of([Turn(1, number, "Bo", text) for number, text in enumerate(said, 1)])
    assert next(CoverageChain(lines).rank()) == 1


REST = "In summer our neighbours come over, bring their children along, help us for a while and stay until it is dark."


def long_answer(subject: str) -> str:
    steps = (f"- Step {number}: call {subject.title()}{number}.run({number * 7})" for number in range(60))
    return f"Here is how people deal with {subject} in Porto.\n\n" + "\n".join(steps)


def test_what_a_user_said_is_held_before_the_lists_of_long_answers_and_more_of_their_openings() -> None:
    subjects = ("bees", "boats", "mills", "otters", "chess", "violins", "roses", "bread")
    turns = []
    for number, subject in enumerate(subjects):
        turns.append(Turn(1, 2 * number, "User", f"{subject.title()} are what my sister and I care about. {REST}"))
        turns.append(Turn(1, 2 * number + 1, "Assistant", long_answer(subject)))

    def held(coverage: CoverageConfig) -> Counter[str]:
        memory = AdaptiveMemory(1_500, coverage=coverage)
        memory.extend(turns)
        lines = memory.search("bees", 3_000, scope="working").lines
        return Counter("user" if one.part is None else "later" if one.part.number else "opening" for one in lines)

    shipped, alike = held(SHIPPED), held(CoverageConfig(role_share=1, later_share=1, length_exponent=0))
    assert alike["user"] < shipped["user"] == len(subjects)
    assert alike["opening"] < shipped["opening"]


def test_between_people_a_line_of_one_counts_as_much_as_one_of_the_other() -> None:
    for other, before in (("Assistant", [1, 0]), ("Bo", [0, 1])):
        turns = [Turn(1, 1, other, "Otters sleep in June 1964."), Turn(1, 2, "User", "Badgers sleep in June.")]
        lines = lines_of([Turn(1, 0, "User", "Hm, so it goes."), *turns])
        order = [place - 1 for place in CoverageChain(lines).rank() if place]
        assert order == before, other


def test_the_order_is_made_anew_when_the_lines_have_grown_by_a_quarter() -> None:
    lines: list[Line] = []
    chain = CoverageChain(lines)
    due = []
    for line in lines_of([Turn(1, number, "Bo", f"We saw {number} otters.") for number in range(1, 41)]):
        lines.append(line)
        if chain.is_due:
            due.append(len(lines))
            list(chain.rank())
            assert chain.ranked == len(lines)
        else:
            chain.insert(len(lines) - 1)
    assert due == [1, 2, 3, 4, 6, 8, 11, 14, 18, 23, 29, 37]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"repeat_share": 1.1}, "repeat_share must lie in 0..1, got 1.1"),
        ({"question_share": -0.1}, "question_share must be finite and not negative, got -0.1"),
        ({"role_share": 2.0}, "role_share must lie in 0..1, got 2.0"),
        ({"later_share": 1.5}, "later_share must lie in 0..1, got 1.5"),
        ({"length_exponent": -1.0}, "length_exponent must be finite and not negative, got -1.0"),
        ({"probe_worth": math.nan}, "probe_worth must be finite and not negative, got nan"),
        ({"header_tokens": 0.5}, "header_tokens must be at least 1, got 0.5"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(values: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        CoverageConfig(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0", "The otter came up to the boat at 9.", "ping!"])
def test_lines_that_say_the_same_are_looked_at_a_few_times_each(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot's message comes ten thousand times: each one taken makes all others cost more."""
    looked_at = Counter[str]()
    pop = coverage._Candidates.pop

    def counted(candidates: coverage._Candidates, held_tokens: int) -> tuple[float, int] | None:
        looked_at["lines"] += 1
        return pop(candidates, held_tokens)

    monkeypatch.setattr(coverage._Candidates, "pop", counted)
    lines = lines_of([Turn(1, number, "Bot", text, None) for number in range(1, 2_001)])
    chain = CoverageChain(lines)
    order = list(chain.rank())
    assert order == sorted(order), "the earlier one first"
    assert len(order) == chain.ranked > len(lines) * 3 // 4
    assert looked_at["lines"] <= 3 * len(lines)
