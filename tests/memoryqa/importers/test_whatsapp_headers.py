from __future__ import annotations

from pathlib import Path

import pytest
from exports import import_export, write_export
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.errors import UsageError
from memoryqa.importers import read
from memoryqa.importers.source import Source
from memoryqa.importers.whatsapp.header import Headers, header_of

DAYS = ["13/05/2024", "14/05/2024", "13.5.24", "2024-05-13", "2024. 5. 13.", "2024. 5. 14.", "5/13/24", "99/99/2024"]
CLOCKS = ["9:05", "09:05", "21:05", "9:05:33", "21.05", "24:61", "99:05", "9:05:61", "오후 9:05", "klo 9.05", "9"]
HALVES = ["", " PM", "\u202fPM", "\u202fAM", " p. m.", "PM", " xx", " Uhr"]
LINES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "[", "\u200e[", "\u200e"]),
        st.sampled_from(DAYS),
        st.sampled_from([", ", " ", "، ", ",", " a las "]),
        st.sampled_from(CLOCKS),
        st.sampled_from(HALVES),
        st.sampled_from([" - ", "] ", "]", " – ", ": ", ""]),
        st.sampled_from(["Ana: hi", "Rui: 10:15 - then", "", " - Ana: 9:05] x"]),
    ),
)


@given(st.lists(LINES, max_size=12))
def test_a_file_s_headers_are_those_of_its_lines_alone(lines: list[str]) -> None:
    headers = Headers()
    assert [headers.of(line) for line in lines] == [header_of(line) for line in lines]


def test_lines_end_as_they_do_whatever_the_size_of_what_is_read_at_once(tmp_path: Path) -> None:
    text = "\r\n".join("é" * number for number in range(500)) + "\n\nlast\r"
    path = write_export(tmp_path / "x.txt", text)
    assert list(Source(path).lines("x.txt")) == [*("é" * number for number in range(500)), "", "last"]
    path.write_text("a\rb\r\rc" + "d" * 70_000, newline="")
    assert list(Source(path).lines("x.txt")) == ["a", "b", "", "c" + "d" * 70_000]


@pytest.mark.parametrize("first", ["", "13/05/2024, 21:00 - Ana: x\n"])
def test_words_beside_the_time_are_met_although_earlier_lines_are_clear(first: str, tmp_path: Path) -> None:
    """Hours above 12 show that the clock has 24: such words then say nothing."""
    text = first + "13/05/2024, 9:00 mañ - Ana: x\n13/05/2024, 9:01 tar - Ana: y\n"
    path = write_export(tmp_path / "WhatsApp Chat with Ana.txt", text)
    if first:
        assert len(import_export(path)[0]) == 3
    else:
        with pytest.raises(UsageError, match="cannot tell morning from afternoon by mañ, tar"):
            read(path).scan()


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("21:05, 13/05/2024 - ", 21),
        ("9:05 SA, 13/05/2024 - ", 9),
        ("13.5.24, 9:05 e pasdites - ", 21),
        ("13/05/24, 9:05 म.पू. - ", 9),
        ("13/05/24, 9:05 म.उ. - ", 21),
        ("13/05/2024, 9:05 شام - ", 21),
        ("13/05/2024, 9:05 ከሰዓት - ", 21),
    ],
)
def test_forms_and_halves_of_the_day_of_other_languages(written: str, hour: int, tmp_path: Path) -> None:
    text = f"{written}Ana: hi\n"
    messages, _ = import_export(write_export(tmp_path / "WhatsApp Chat with Ana.txt", text))
    assert [(one.speaker, one.time and (one.time.day, one.time.hour)) for one in messages] == [("Ana", (13, hour))]
