"""The index of merged layers: which entry stands at which place.

It is a private SQLite database: some of it is held in memory, the rest in an unnamed file in scratch space,
so that an image of any number of entries can be merged. Nothing in it outlives its owner.
"""

import os
import sqlite3
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lazyimg.content.layer_path import PATH_LIMIT, ROOT, Meaning
from lazyimg.errors import SourceError

CACHE = 16 << 10
"""KiB of the index that are held in memory, at most: 16 MiB."""

_SETTINGS = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA page_size = 8192;
PRAGMA cache_size = -{CACHE};
"""

_TABLES = """
CREATE TABLE member (
    id INTEGER PRIMARY KEY, layer INTEGER, meaning TEXT, place BLOB, kind TEXT, link BLOB,
    start INTEGER, data INTEGER, size INTEGER
);
CREATE TABLE node (place BLOB PRIMARY KEY, kind TEXT, member INTEGER, target BLOB) WITHOUT ROWID;
CREATE TABLE ghost (place BLOB PRIMARY KEY, kind TEXT, member INTEGER, target BLOB) WITHOUT ROWID;
CREATE TABLE doomed (place BLOB PRIMARY KEY, whole INTEGER) WITHOUT ROWID;
CREATE TABLE hidden (place BLOB PRIMARY KEY, whole INTEGER) WITHOUT ROWID;
CREATE TABLE shared (member INTEGER PRIMARY KEY);
CREATE TABLE name (member INTEGER, place BLOB, PRIMARY KEY (member, place)) WITHOUT ROWID;
BEGIN;
"""

IMPLIED = 0
"""The member of a directory that no layer has an entry for."""


class Found(NamedTuple):
    """A member of a layer, as it was read.

    Attributes:
        meaning: of its name.
        place: of the entry, or of what it hides.
        kind: what it is.
        link: of a symbolic link the text, of a hard link the place.
        start: where its headers begin in scratch space.
        data: where its content does.
        size: of that content in the tar, in bytes.
    """

    meaning: Meaning
    place: bytes
    kind: str
    link: bytes
    start: int
    data: int
    size: int


class Node(NamedTuple):
    """What stands at a place.

    Attributes:
        kind: as of an entry; ``hardlink`` only for one to a file of layers that are not seen.
        member: the number of the member that it is of: hard links share one.
        target: of a symbolic link the text, of such a hard link the place.
    """

    kind: str
    member: int
    target: bytes | None = None


class Row(NamedTuple):
    """A node with the member that it is of.

    Attributes:
        place: where it stands.
        first: the first place of a file that has several; None for one that has not.
        start: as in `Found`; None without a member.
    """

    place: bytes
    kind: str
    member: int
    target: bytes | None
    first: bytes | None
    layer: int | None
    start: int | None
    data: int | None
    size: int | None


_ROWS = """
SELECT node.place, node.kind, node.member, node.target,
    (SELECT name.place FROM name WHERE name.member = node.member ORDER BY name.place LIMIT 1),
    member.layer, member.start, member.data, member.size
FROM node LEFT JOIN member ON member.id = node.member
"""

_BELOW = "place > ? AND place < ?"


class Tree:
    """The index. Its methods are called by one thread at a time.

    Args:
        directory: for what does not stay in memory; None is the system's directory for temporary files.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._database = _open(directory)
        self._close = weakref.finalize(self, self._database.close)
        self.put(ROOT, Node("directory", IMPLIED))

    def close(self) -> None:
        """Give the space back."""
        self._close()

    # --- members --------------------------------------------------------------------------------------

    def note(self, layer: int, found: Iterable[Found]) -> None:
        """Write down members of a layer, in their order."""
        self._run_many(
            "INSERT INTO member VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", ((layer, *f) for f in found)
        )

    def last_member(self) -> int:
        """The number of the member that was written down last; 0 if there is none."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM member")[0])

    def members(self, after: int, *meanings: Meaning) -> Iterator[tuple[int, Found]]:
        """The members after one that have one of these meanings, with their numbers, in order."""
        marks = ", ".join("?" * len(meanings))
        query = f"""
            SELECT id, meaning, place, kind, link, start, data, size FROM member
            WHERE id > ? AND meaning IN ({marks}) ORDER BY id
        """  # noqa: S608 - question marks alone
        for number, *rest in self._run(query, after, *meanings):
            yield number, Found(*rest)

    def has_entry(self, layer: int, place: bytes) -> bool:
        """Whether a layer has an entry of this place."""
        self._run("CREATE INDEX IF NOT EXISTS by_place ON member (layer, place)")
        query = "SELECT 1 FROM member WHERE layer = ? AND place = ? AND meaning = 'entry'"
        return self._one(query, layer, place) is not None

    # --- nodes ----------------------------------------------------------------------------------------

    def get(self, place: bytes) -> Node | None:
        """What stands at a place."""
        row = self._one("SELECT kind, member, target FROM node WHERE place = ?", place)
        return None if row is None else Node(*row)

    def put(self, place: bytes, node: Node) -> None:
        """Let something stand at a place, instead of what did."""
        self._run("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)", place, *node)

    def remove(self, place: bytes) -> None:
        """Let nothing stand at a place any more, nor below."""
        self._run("DELETE FROM node WHERE place = ?", place)
        self._run(f"DELETE FROM node WHERE {_BELOW}", *_below(place))  # noqa: S608 - a constant

    def share(self, member: int) -> None:
        """Write down that a file may have several names; `settle` finds out which."""
        self._run("INSERT OR IGNORE INTO shared VALUES (?)", member)

    def settle(self) -> None:
        """Find the names of the files that have several, when all layers were applied."""
        self._run(
            "INSERT INTO name SELECT member, place FROM node WHERE member IN (SELECT member FROM shared)"
        )

    def names(self, member: int) -> list[bytes]:
        """The places of a file that has several, sorted; none for one that has not."""
        return [place for (place,) in self._run("SELECT place FROM name WHERE member = ?", member)]

    # --- what is hidden -------------------------------------------------------------------------------

    def doom(self, place: bytes, *, whole: bool) -> None:
        """Write down what a whiteout hides: a place and all below, or only what is below."""
        self._mark("doomed", place, whole=whole)

    def hide_doomed(self) -> None:
        """Remove all that is doomed, and remember it as hidden; what was removed can be linked to still."""
        for place, whole in self._run("SELECT place, whole FROM doomed ORDER BY place"):
            if whole:
                self._bury("place = ?", place)
                self.hide(place, whole=True)
            else:
                self.hide(place, whole=False)
            self._bury(_BELOW, *_below(place))
        self._run("DELETE FROM doomed")

    def _bury(self, where: str, *values: bytes) -> None:
        self._run(f"INSERT OR IGNORE INTO ghost SELECT * FROM node WHERE {where}", *values)  # noqa: S608 - constants
        self._run(f"DELETE FROM node WHERE {where}", *values)  # noqa: S608 - constants

    def haunt(self, place: bytes, node: Node) -> None:
        """Let something be linked to that stands nowhere."""
        self._run("INSERT OR REPLACE INTO ghost VALUES (?, ?, ?, ?)", place, *node)

    def ghost(self, place: bytes) -> Node | None:
        """What was removed from a place by the layer that is being applied."""
        row = self._one("SELECT kind, member, target FROM ghost WHERE place = ?", place)
        return None if row is None else Node(*row)

    def forget_ghosts(self) -> None:
        """Let nothing that was removed be linked to any more."""
        self._run("DELETE FROM ghost")

    def hide(self, place: bytes, *, whole: bool) -> None:
        """Remember that what layers below have at a place, or only below it, does not count."""
        self._mark("hidden", place, whole=whole)

    def _mark(self, table: str, place: bytes, *, whole: bool) -> None:
        self._run(
            f"INSERT INTO {table} VALUES (?, ?) "  # noqa: S608 - one of two names
            "ON CONFLICT (place) DO UPDATE SET whole = max(whole, excluded.whole)",
            place,
            whole,
        )

    def hidden(self) -> Iterator[tuple[bytes, bool]]:
        """The places that are hidden, each with whether it is so itself, sorted."""
        return ((place, bool(whole)) for place, whole in self._run("SELECT * FROM hidden ORDER BY place"))

    def hides(self, place: bytes, *, whole: bool = False) -> bool:
        """Whether a place was written down as hidden: itself, or else at least what is below it."""
        return self._one("SELECT 1 FROM hidden WHERE place = ? AND whole >= ?", place, whole) is not None

    # --- all of it ------------------------------------------------------------------------------------

    def rows(self, after: bytes | None = None, limit: int = -1) -> Iterator[Row]:
        """The nodes, sorted by place.

        Args:
            after: only those after this place.
            limit: so many at most; -1 is all.
        """
        where = "" if after is None else "WHERE node.place > ?"
        values = () if after is None else (after,)
        query = f"{_ROWS} {where} ORDER BY node.place LIMIT ?"
        return map(Row._make, self._run(query, *values, limit))

    def row(self, place: bytes) -> Row | None:
        """The node at a place."""
        row = self._one(f"{_ROWS} WHERE node.place = ?", place)
        return None if row is None else Row._make(row)

    def count(self) -> int:
        """How many nodes there are."""
        return int(self._one("SELECT count(*) FROM node")[0])

    # --- the database ---------------------------------------------------------------------------------

    def _run(self, query: str, *values: object) -> sqlite3.Cursor:
        try:
            return self._database.execute(query, values)
        except sqlite3.Error as error:
            raise _failure(error) from error

    def _run_many(self, query: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            self._database.executemany(query, rows)
        except sqlite3.Error as error:
            raise _failure(error) from error

    def _one(self, query: str, *values: object) -> Any:
        return self._run(query, *values).fetchone()


def _below(place: bytes) -> tuple[bytes, bytes]:
    """The bounds that all places below one lie between."""
    return (place + b"/", place + b"0") if place else (b"", b"\xff" * (PATH_LIMIT + 1))


def _open(directory: Path | None) -> sqlite3.Connection:
    """A database in a file that has no name any more."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="lazyimg-", dir=directory)
    except OSError as error:
        raise SourceError(f"cannot make a file in scratch space: {error}") from error
    os.close(descriptor)
    try:
        database = sqlite3.connect(name, isolation_level=None, check_same_thread=False, cached_statements=64)
        database.executescript(_SETTINGS + _TABLES)
    except sqlite3.Error as error:
        raise _failure(error) from error
    finally:
        os.unlink(name)  # noqa: PTH108 - a name, no Path
    return database


def _failure(error: sqlite3.Error) -> SourceError:
    return SourceError(
        f"the index of merged layers cannot be kept in scratch space: {error}; "
        "give it room, or name another directory with Engine(scratch=...)"
    )
