"""One export: which format it is, its messages, and the report on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from pathlib import Path

from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.importers.detect import FORMATS, format_of
from memoryqa.importers.format import Format
from memoryqa.importers.message import Message
from memoryqa.importers.options import Options, zone_of
from memoryqa.importers.people import People
from memoryqa.importers.plain.records import RECORDS
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source, reading
from memoryqa.turns import printable

LONGEST_TEXT = 4_000_000  # characters of a message; a novel has one million


class Import:
    """An export that has been recognised. Each use of `messages` reads it anew, from the beginning.

    report: of the last pass, complete once the pass has ended.
    """

    def __init__(self, source: Source, found: Format, options: Options) -> None:
        self._source = source
        self._format = found
        self._options = options
        self.report = ImportReport(found.title)

    @property
    def format(self) -> str:
        """The name of the format."""
        return self._format.name

    @property
    def title(self) -> str:
        """The name of the app."""
        return self._format.title

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._source.path

    @property
    def stem(self) -> str:
        """The name of the file or folder without its ending."""
        return self._source.title

    @property
    def messages(self) -> Iterator[Message]:
        """The messages, as they are read. A damaged file raises UsageError where the damage is: `scan` finds it
        before anything is kept."""
        self.report = ImportReport(self._format.title)
        return self._pass(self.report)

    def scan(self) -> ImportReport:
        """Read the export to its end without keeping anything. UsageError when it is damaged."""
        for _ in self.messages:
            pass
        return self.report

    def _pass(self, report: ImportReport) -> Iterator[Message]:
        people = People(self._options.same, self._options.me, self._options.known)
        with reading(self._source.path):
            for message in self._format.read(self._source, self._options, report):
                if len(message.text) > LONGEST_TEXT:
                    report.skip(f"message of more than {LONGEST_TEXT:,} characters")
                    continue
                message.speaker = people.name(message.author, message.speaker)
                if not message.text.isascii():
                    message.text = printable(message.text)
                report.count(message)
                yield message
        if not report.messages:
            reasons = ", ".join(f"{count} {reason}" for reason, count in report.skipped.items())
            raise UsageError(
                f"{self._source.path}: {self._format.title} without a message" + (f" ({reasons})" * bool(reasons))
            )
        me = self._options.me
        if me and people.name("", me) not in report.people:
            report.note(
                f"nobody is called {me}; people are {', '.join(name for name, _ in report.people.most_common(8))}"
            )


def read(
    path: str | Path,
    format: str | None = None,
    *,
    timezone: str | tzinfo | None = None,
    dates: str | None = None,
    columns: Mapping[str, str] | None = None,
    same: Mapping[str, str] | None = None,
    me: str | None = None,
    known: Mapping[str, str] | None = None,
) -> Import:
    """The export at `path`: a file, a folder or a zip.

        memory.extend(read("WhatsApp Chat.zip").messages)

    format: a name of `FORMATS` where it is not to be recognised by content. timezone: `Europe/Lisbon` or `+02:00`;
    converts what the export has in UTC, and is attached to times without a zone. dates: `dmy`, `mdy` or `ymd`, where
    the file leaves it open. columns: fields of a table or of JSON records by what they are, `{"speaker": "from"}`; then
    the export is one of records. same: names by the names, numbers and ids that mean the same person. me: the name of
    the export's owner. known: names by the ids of authors, as an earlier import gave them.

    Raises UsageError, one line with the place and the fix, for what cannot be read.
    """
    options = Options(zone_of(timezone), dates, columns or {}, same or {}, me, known or {})
    if not str(path).strip():
        raise UsageError("the name of the export is empty; name a file, a folder or a zip")
    try:
        source = Source(Path(path))
    except ValueError as error:  # a NUL in the path
        raise error if isinstance(error, UsageError) else UsageError(f"{shown(str(path))}: no file name") from error
    if format is not None and format not in FORMATS:
        raise UsageError(f"unknown `format` {shown(format)}; it is one of {', '.join(FORMATS)}")
    if columns and format is None:
        format = RECORDS.name
    return Import(source, FORMATS[format] if format is not None else format_of(source), options)
