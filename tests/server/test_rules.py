"""The rules below HTTP, where a race is too short to provoke over a socket."""

from __future__ import annotations

import threading

import pytest

from lazyimg.oci.digest import Digest
from lazyimg.server.errors import ApiError
from lazyimg.server.memory import MemoryStore
from lazyimg.server.repository import Repositories
from lazyimg.server.uploads import Upload
from lazyimg.server.workers import Workers

DIGEST = Digest.of(b"data")


def upload() -> Upload:
    return Upload("a", MemoryStore().stage())


def test_a_blob_that_goes_between_question_and_answer_is_unknown() -> None:
    """Its size was known, its content is not there any more: 404."""
    with pytest.raises(ApiError, match="blob unknown"):
        Repositories(MemoryStore()).named("a").read_blob(DIGEST, 0, 4)


def test_an_upload_that_has_ended_has_no_writer() -> None:
    """Who found it before it ended can neither claim it nor append to it."""
    ended = upload()
    claim = ended.claim()
    ended.end()
    with pytest.raises(ApiError, match="upload unknown"):
        ended.claim()
    with pytest.raises(ApiError, match="took this upload over"):
        ended.append(claim, [b"late"])


def test_only_the_last_writer_may_finish() -> None:
    """A PUT that was overtaken keeps nothing, and leaves the upload to who overtook it."""
    contested, kept = upload(), []
    slow, fast = contested.claim(), contested.claim()
    contested.append(fast, [b"data"])
    with pytest.raises(ApiError, match="took this upload over"):
        contested.finish(slow, DIGEST, lambda *_: kept.append("slow"))
    contested.finish(fast, DIGEST, lambda *_: kept.append("fast"))
    assert kept == ["fast"]
    with pytest.raises(ApiError, match="took this upload over"):
        contested.finish(fast, DIGEST, lambda *_: kept.append("again"))


def test_workers_that_are_closed_take_no_work() -> None:
    """The pool ends its threads, and says so to who comes late."""
    workers = Workers()
    workers.open()
    assert workers.submit(threading.active_count).result() > 1
    workers.close()
    workers.close()
    with pytest.raises(RuntimeError, match="closed"):
        workers.submit(threading.active_count)
