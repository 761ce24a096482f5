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


def test_half_a_key_is_a_secret_too_however_it_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "first-half-0123456\nsecond-half-789012"
    monkeypatch.setenv("SOME_API_KEY", key)
    for quoted in (key, repr(key), key.replace("\n", " "), repr(f"Bearer {key}".encode()), "second-half-789012"):
        shown = redact(f"Illegal header value {quoted}")
        assert "half" not in shown


def test_the_name_in_a_database_address_is_no_secret() -> None:
    address = "postgresql+psycopg2://USER@HOST/DATABASE or postgresql://tuner@db/x"
    assert redact(address) == address
    assert redact("https://ghp_0123456789abcdefghij@host/x") == "https://[redacted]@host/x"
