"""How the tables of an archive came about, version by version. Append only, never change."""

from __future__ import annotations

import sqlite3


def m001_initial(connection: sqlite3.Connection) -> None:
    """Create tables: turns in order of arrival, an index of their words without their text, settings as JSON."""
    connection.execute(
        "CREATE TABLE turns (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time TEXT, fold INTEGER NOT NULL,"
        " utc_offset_us INTEGER, zone TEXT, speaker TEXT NOT NULL, text TEXT NOT NULL, caption TEXT NOT NULL,"
        " digest BLOB NOT NULL)"
    )
    connection.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    connection.execute(
        "CREATE VIRTUAL TABLE words USING fts5 (turn, content='',"
        " tokenize=\"porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")"  # marks are vowels in Hindi
    )


def m002_tags(connection: sqlite3.Connection) -> None:
    """Add the words by which a turn may be found besides its own."""
    connection.execute("ALTER TABLE turns ADD COLUMN tags TEXT")


def m003_changes(connection: sqlite3.Connection) -> None:
    """Let turns be corrected and forgotten, by other programs too, and keep an index beside them.

    state: generation counts changes of turns that were there; stale_words those since `words` was written; erase_due is
    above 0 while the file may still contain bytes of what was forgotten. revisions: what turns said before they were
    corrected. forgotten: by session the highest number (both may be
    larger than SQLite's integers) and how many turns. snapshot: see store/snapshot.py.
    """
    connection.execute("CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
    connection.execute("INSERT INTO state VALUES ('generation', 0), ('stale_words', 0), ('erase_due', 0)")
    connection.execute(
        "CREATE TABLE revisions (id TEXT NOT NULL, number INTEGER NOT NULL, time TEXT, fold INTEGER NOT NULL,"
        " utc_offset_us INTEGER, zone TEXT, speaker TEXT NOT NULL, text TEXT NOT NULL, caption TEXT NOT NULL,"
        " tags TEXT, PRIMARY KEY (id, number))"
    )
    connection.execute(
        "CREATE TABLE forgotten (session TEXT PRIMARY KEY, highest TEXT NOT NULL, turns INTEGER NOT NULL)"
    )
    connection.execute("CREATE TABLE snapshot (name TEXT PRIMARY KEY, data BLOB NOT NULL)")
    count = "UPDATE state SET value = value + 1 WHERE name IN"
    connection.execute(
        f"CREATE TRIGGER turn_deleted AFTER DELETE ON turns BEGIN {count} ('generation', 'stale_words');"
        " DELETE FROM revisions WHERE id = OLD.id; END"
    )
    said = "position, id, time, fold, utc_offset_us, zone, speaker, text, caption"
    connection.execute(
        f"CREATE TRIGGER turn_changed AFTER UPDATE OF {said} ON turns BEGIN {count} ('generation', 'stale_words'); END"
    )
    connection.execute(f"CREATE TRIGGER tags_changed AFTER UPDATE OF tags ON turns BEGIN {count} ('generation'); END")
    turns, words = (connection.execute(f"SELECT count(*) FROM {name}") for name in ("turns", "words_docsize"))
    if turns.fetchone() != words.fetchone():  # another program has deleted turns
        connection.execute("UPDATE state SET value = 1 WHERE name = 'stale_words'")


def m004_imports(connection: sqlite3.Connection) -> None:
    """Keep what was imported from which export, so that a newer one adds only what is new, and who is who.

    conversations: those of exports; last: the position of the last turn of each. imported: by turn its conversation,
    the key of its message and a digest of what the export said, NULL once the user has erased that. people: see
    imports.py. What was forgotten leaves none of it.
    """
    connection.execute(
        "CREATE TABLE conversations (number INTEGER PRIMARY KEY, format TEXT NOT NULL, scope TEXT NOT NULL,"
        " title TEXT NOT NULL, last INTEGER NOT NULL DEFAULT 0)"
    )
    connection.execute(
        "CREATE TABLE imported (position INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, key INTEGER NOT NULL,"
        " digest INTEGER, UNIQUE (key, conversation))"
    )
    connection.execute(
        "CREATE TABLE people (kind TEXT NOT NULL, alias TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, alias))"
    )
    connection.execute(
        "CREATE TRIGGER import_forgotten AFTER DELETE ON turns BEGIN"
        " DELETE FROM imported WHERE position = OLD.position; END"
    )
