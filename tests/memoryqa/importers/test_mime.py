"""The parts of a mail are those that the standard library finds."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples

from memoryqa.importers.mime import decoded, file_name, headers_of, parts_of, readable

TEXTS = st.text("abc dé漢🙂.,=-\n", min_size=1, max_size=80).map(lambda text: text.strip("\n") + "\n")
NAMES = st.text("ab cé漢\"';%*", min_size=1, max_size=30).map(lambda name: f"x{name}".strip() + ".pdf")
SUBJECTS = st.text("abc dé漢🙂,:", min_size=1, max_size=120).map(lambda text: " ".join(text.split())).filter(bool)
ENCODINGS = ("8bit", "quoted-printable", "base64")


def found_in(content: bytes) -> list[tuple[str, str]]:
    """Kind and text of each text part, kind and name of each other one."""
    parts = parts_of(*headers_of(content))
    return [(one.kind, file_name(one.headers) or decoded(one).replace("\r\n", "\n")) for one in parts]


def by_the_library(content: bytes) -> list[tuple[str, str]]:
    mail: Any = email.message_from_bytes(content, policy=email.policy.default)
    leaves = (one for one in mail.walk() if not one.is_multipart())
    return [
        (
            one.get_content_type(),
            " ".join((one.get_filename() or "").split()) or one.get_content().replace("\r\n", "\n"),
        )
        for one in leaves
    ]


CONTENT = st.tuples(TEXTS, st.sampled_from(ENCODINGS))


def written(
    subject: str, plain: tuple[str, str], rich: tuple[str, str] | None, names: list[str], inner: str, *, is_smtp: bool
) -> bytes:
    mail = EmailMessage(email.policy.SMTP if is_smtp else email.policy.default)
    mail["From"], mail["Subject"] = "Zoë <zoe@example.org>", subject
    mail.set_content(plain[0], cte=plain[1])
    if rich is not None:
        mail.add_alternative(f"<p>{rich[0]}</p>\n", subtype="html", cte=rich[1])
    for name in names:
        mail.add_attachment(b"\0pdf", maintype="application", subtype="pdf", filename=name)
    if inner:
        attached = EmailMessage()
        attached["From"], attached["Subject"] = "rui@example.org", "inner"
        attached.set_content(inner)
        mail.add_attachment(attached)
    return mail.as_bytes()


@given(SUBJECTS, CONTENT, st.none() | CONTENT, st.lists(NAMES, max_size=2), st.just("") | TEXTS, st.booleans())
@settings(max_examples=num_examples(100), deadline=None)
def test_parts_and_names_are_those_of_the_standard_library(
    subject: str, plain: tuple[str, str], rich: tuple[str, str] | None, names: list[str], inner: str, is_smtp: bool
) -> None:
    content = written(subject, plain, rich, names, inner, is_smtp=is_smtp)
    assert found_in(content) == by_the_library(content)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert readable(headers_of(content)[0]["subject"]).split() == str(mail["Subject"]).split()


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\n\ntwo\n--b--\nepilogue\n--b\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\nContent-Type: text/plain\n\nwhich nothing ends",
        b'Content-Type: multipart/mixed;\r\n boundary="a b"\r\n\r\n--a b  \r\n\r\none\r\n--a b--\r\n',
        b"Content-Type: multipart/mixed; boundary=b\n\n--bc\n\none\n--b\n\ntwo\n--bc\n\n--b-\n\nthree\n--b--",
        b"Content-Type: nonsense\n\n--b\none",
        b"Content-Type: text/plain; charset=us-ascii\nX-A: b\n c\n\n\nbody",
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nin a digest\n--b--\n",
    ],
)
def test_boundaries_that_are_hard_are_where_the_standard_library_sees_them(content: bytes) -> None:
    mail: Any = email.message_from_bytes(content)
    leaves = [one for one in mail.walk() if not one.is_multipart()]
    assert [one.content for one in parts_of(*headers_of(content))] == [one.get_payload().encode() for one in leaves]


@given(st.binary(max_size=300))
@settings(max_examples=num_examples(150), deadline=None)
def test_any_bytes_have_parts(content: bytes) -> None:
    for start in (b"", b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n', b"Content-Type: message/rfc822\n\n"):
        for part in parts_of(*headers_of(start + content)):
            assert isinstance(decoded(part), str)
            assert isinstance(file_name(part.headers), str)


def test_parts_within_parts_without_end_are_left() -> None:
    content = b"Content-Type: message/rfc822\n\n" * 5000 + b"\nx"
    assert not list(parts_of(*headers_of(content)))


def test_a_header_that_is_no_ascii_is_read() -> None:
    headers, body = headers_of("Subject: Café\nFrom: Zoë\nsubject: later\n\nx".encode())
    assert (headers["subject"], headers["from"], body) == ("Café", "Zoë", b"x")
    assert headers_of("Subject: Café\n\n".encode("cp1252"))[0]["subject"] == "Café"
