"""Why a call failed, whatever errors a client raises from each other."""

from __future__ import annotations

from memoryqa.lms.reasons import causes, reason_of


def test_errors_that_name_each_other_as_their_cause_are_walked_once() -> None:
    outer, inner = ValueError("outer"), OSError("inner")
    outer.__cause__, inner.__cause__ = inner, outer
    assert list(causes(outer)) == [outer, inner]
    assert "outer" in reason_of(outer)


def test_the_error_behind_another_is_its_cause_and_otherwise_its_context() -> None:
    error, cause, context = ValueError("error"), OSError("cause"), KeyError("context")
    error.__cause__, cause.__context__ = cause, context
    assert list(causes(error)) == [error, cause, context]
