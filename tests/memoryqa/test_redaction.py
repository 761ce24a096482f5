"""memoryqa.redaction: secrets are removed, and nothing else."""

from __future__ import annotations

import pytest

from memoryqa.redaction import redact

SECRET = "planted-key-0123456789"


def test_redaction_removes_keys_and_passwords_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    monkeypatch.setenv("SHORT_API_KEY", "no")  # too short to be a key, and part of ordinary words
    monkeypatch.setenv("MEMORY_TOKENS", "not-a-secret")
    text = f"no: {SECRET} Bearer sk-abcd****wxyz http://u:p@h/v1 not-a-secret a task-management desk"
    assert redact(text) == (
        "no: [redacted] Bearer [redacted] http://[redacted]@h/v1 not-a-secret a task-management desk"
    )
