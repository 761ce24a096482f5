from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import dspy
from hypothesis import given
from hypothesis import strategies as st
from scripted_reader import Asker, ScriptedReader

import harness.tracking.traces
from harness.tracking.traces import TraceRecorder


def test_calls_in_threads_that_dspy_starts_belong_to_the_question() -> None:
    pairs = [(Asker(), dspy.Example(question=f"number {n}").with_inputs("question")) for n in range(3)]
    recorder = TraceRecorder("memory")
    with dspy.context(lm=ScriptedReader().lm()), recorder.recording():
        dspy.Parallel(num_threads=2, disable_progress_bar=True)(pairs)
    spans = recorder.spans({}, {})
    assert len(spans) == 1 + 3 * 3
    known = {span.span_id for span in spans}
    assert [span.parent_id for span in spans if span.parent_id not in known] == [None]


@given(size=st.integers(0, 150), times=st.integers(1, 40))
def test_a_trace_never_holds_more_text_than_its_limits(size: int, times: int) -> None:
    recorder = TraceRecorder("memory")
    with recorder.recording():
        for number in range(times):
            recorder.on_tool_start(str(number), SimpleNamespace(name="t"), {"text": "x" * size})
            recorder.on_tool_end(str(number), ["y" * size])
    with mock.patch.multiple(harness.tracking.traces, MAX_TEXT_CHARS=50, MAX_TRACE_CHARS=2000):
        spans = recorder.spans({"question": "x"}, {})
    texts = [text for span in spans[1:] for text in (span.inputs["text"], span.outputs[0])]
    kept = [text.count("x") + text.count("y") for text in texts]
    assert max(kept) <= 50
    assert sum(kept) <= 2000
    if size <= 50 and times * (2 * size + len("Tool t")) + len("memoryx") <= 2000:
        assert set(texts) == {"x" * size, "y" * size}
    else:
        assert any(text.endswith("characters left out]") for text in texts)


def test_nothing_is_recorded_outside_the_block() -> None:
    program, recorder = Asker(), TraceRecorder("memory")
    with dspy.context(lm=ScriptedReader().lm()):
        program(question="before")
        with recorder.recording():
            program(question="inside")
        program(question="after")
    assert [span.inputs["question"] for span in recorder.spans({}, {}) if span.name == "Asker"] == ["inside"]


def test_any_value_becomes_plain_json_without_secrets() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "odd with sk-abcdefghijklmnop"

    recorder = TraceRecorder("memory")
    inputs = {"nan": float("nan"), "set": {1}, "nested": [(None, True)], "odd": Odd(), "sk-abcdefghijklmnop": 1}
    with recorder.recording():
        pass
    (root,) = recorder.spans(inputs, {"prediction": dspy.Prediction(answer="a")})
    assert root.inputs == {
        "nan": "nan",
        "set": [1],
        "nested": [[None, True]],
        "odd": "odd with [redacted]",
        "[redacted]": 1,
    }
    assert root.outputs == {"prediction": {"answer": "a"}}


def test_a_secret_is_removed_before_a_text_is_cut() -> None:
    recorder = TraceRecorder("memory")
    with recorder.recording():
        pass
    with mock.patch.multiple(harness.tracking.traces, MAX_TEXT_CHARS=20):
        (root,) = recorder.spans({"text": "123456 sk-abcdefghijklmnop"}, {})
    assert "sk-" not in root.inputs["text"]
