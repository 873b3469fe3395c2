"""The copy in scratch space."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from lazyimg.content.spool import Spool


def test_what_was_appended_is_read_at_any_offset(tmp_path: Path) -> None:
    """Reads give what there is, never more than was asked."""
    spool = Spool(tmp_path)
    spool.append(b"hello ")
    spool.append(b"world")
    assert spool.length == 11
    assert spool.read(0, 100) == b"hello world"
    assert spool.read(6, 3) == b"wor"
    assert spool.read(11, 5) == spool.read(99, 5) == b""
    spool.close()
    spool.close()
    assert spool.read(0, 5) == b""


def test_a_missing_directory_is_a_failure_and_no_error(tmp_path: Path) -> None:
    """Without scratch space nothing is copied, and why is remembered."""
    spool = Spool(tmp_path / "missing")
    spool.append(b"hello")
    assert spool.failure is not None
    assert spool.failure.errno == errno.ENOENT
    assert spool.length == 0
    assert spool.read(0, 5) == b""
    spool.close()


def test_a_full_disk_ends_the_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was copied before the disk was full can still be read; nothing more is copied."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spool = Spool(tmp_path)
    spool.append(b"hello")
    monkeypatch.setattr(os, "write", full)
    spool.append(b"world")
    monkeypatch.undo()
    spool.append(b"again")
    assert spool.failure is not None
    assert spool.failure.errno == errno.ENOSPC
    assert spool.read(0, 100) == b"hello"
    spool.close()


def test_short_writes_are_continued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A write that takes only a part is followed by one for the rest."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))
    spool = Spool(tmp_path)
    spool.append(b"hello world")
    monkeypatch.undo()
    assert spool.read(0, 100) == b"hello world"
    spool.close()
