"""One pass for several sinks: slow ones, failing ones, leaving ones, and those that come again."""

import errno
import hashlib
import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from lazyimg.content import feed as feed_module
from lazyimg.content.block import BLOCK, SLICE
from lazyimg.content.body import Body
from lazyimg.content.compression import Compression, Gzip, Uncompressed
from lazyimg.content.counters import Counters
from lazyimg.content.feed import AHEAD, Feed
from lazyimg.content.pipeline import Pass
from lazyimg.content.source import Source, Stream, TarFile
from lazyimg.content.window import KEEP
from lazyimg.errors import Cancelled, SourceChanged, StreamSpent


@define
class Sinks:
    """Threads that take from a feed; what they took, or how they failed."""

    feed: Feed
    took: dict[int, bytes] = field(factory=dict)
    failed: dict[int, BaseException] = field(factory=dict)
    threads: list[threading.Thread] = field(factory=list)

    def start(self, number: int, take: Any) -> None:
        """Run ``take(body)`` in a thread; it returns the blob as that sink got it."""

        def run() -> None:
            try:
                self.took[number] = bytes(take(self.feed.body(number)))
            except BaseException as error:  # noqa: BLE001 - looked at by the test
                self.failed[number] = error
                self.feed.leave(number, error)

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def join(self) -> None:
        """Wait for all of them."""
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


def whole(body: Body, offset: int = 0) -> Any:
    """Take everything."""
    return b"".join(body.chunks(offset))


def cut(body: Body, at: int) -> Any:
    """Take until ``at`` bytes came, as an upload does whose connection breaks."""
    taken = bytearray()
    chunks = body.chunks(0)
    for chunk in chunks:
        taken += chunk
        if len(taken) >= at:
            break
    chunks.close()
    return bytes(taken)


@contextmanager
def feeding(source: Source, compression: Compression = None, **more: Any) -> Iterator[Any]:
    """Give a feed over a source, its sinks and its counters."""
    counters = Counters()
    check = more.get("check", lambda: None)
    with Feed(lambda: Pass(source, compression or Uncompressed(), check, counters), **more) as feed:
        yield feed, Sinks(feed), counters


def until(ask: Any) -> None:
    """Wait for something to become true."""
    while not ask():
        time.sleep(0.002)


@pytest.fixture
def content() -> Any:
    """Give content of more blocks than a window keeps."""
    return hashlib.shake_128(b"feed").digest((KEEP + 6) * BLOCK + 99)


# --- taking ------------------------------------------------------------------------------------------


def test_all_sinks_get_the_same_blob_of_one_reading(pieces: Any, content: bytes) -> None:
    """Three sinks, one of them slow, and the source is read once."""
    source = pieces(content)

    def slowly(body: Body) -> Any:
        taken = bytearray()
        for chunk in body.chunks(0):
            time.sleep(0.003)
            taken += chunk
        return taken

    with feeding(source, Gzip(), sinks=3) as (feed, sinks, counters):
        for number, take in enumerate((whole, slowly, whole)):
            sinks.start(number, take)
        identity = feed.pump()
        sinks.join()
    assert {hashlib.sha256(blob).hexdigest() for blob in sinks.took.values()} == {identity.digest.encoded}
    assert len(sinks.took) == 3
    assert (source.opened, source.read, counters.attempts) == (1, len(content), 1)


def test_pieces_are_small_enough_to_send(pieces: Any, content: bytes) -> None:
    """No piece is larger than an upload likes."""
    sizes = []
    with feeding(pieces(content)) as (feed, sinks, _):
        sinks.start(0, lambda body: bytes(sizes.extend(map(len, body.chunks(0))) or 0))
        feed.pump()
        sinks.join()
    assert max(sizes) == SLICE
    assert sum(sizes) == len(content)


def test_the_pump_is_never_far_ahead(pieces: Any, content: bytes) -> None:
    """With a sink that does not take, only so many blocks leave the pass."""
    source, let_go = pieces(content), threading.Event()

    def wait_then_take(body: Body) -> Any:
        let_go.wait()
        return whole(body)

    with feeding(source) as (feed, sinks, _):
        sinks.start(0, wait_then_take)
        pump = threading.Thread(target=feed.pump)
        pump.start()
        until(lambda: feed._supply.window.end_number == AHEAD)
        time.sleep(0.15)
        assert feed._supply.window.end_number == AHEAD
        assert source.read < len(content)
        let_go.set()
        pump.join()
        sinks.join()
    assert sinks.took[0] == content


def test_identity_comes_before_the_sinks_end(pieces: Any) -> None:
    """The identity is told when the last byte was read, not when it was sent."""
    content, known = bytes(3 * BLOCK), threading.Event()

    def hold(body: Body) -> Any:
        chunks = body.chunks(0)
        first = next(chunks)
        assert known.wait(20)
        return bytes(first) + b"".join(chunks)

    with feeding(pieces(content)) as (feed, sinks, _):
        assert feed.body(0).size is None
        assert feed.identity is None
        sinks.start(0, hold)
        identity = feed.pump(lambda _: known.set())
        sinks.join()
        assert feed.body(0).size == identity.size == len(content)
        assert feed.identity == identity
    assert sinks.took[0] == content


def test_a_feed_without_sinks_finds_the_identity(pieces: Any, content: bytes) -> None:
    """Nobody takes: the pump reads to the end for the identity alone, and keeps no copy."""
    with feeding(pieces(content, one_shot=True), sinks=0) as (feed, _, _):
        assert feed.pump().diff_id.encoded == hashlib.sha256(content).hexdigest()
        assert feed._supply.spool is None


def test_an_empty_blob_is_taken_at_once(pieces: Any) -> None:
    """A blob of no bytes gives no pieces, and ends."""
    with feeding(pieces(b"")) as (feed, sinks, _):
        sinks.start(0, whole)
        assert feed.pump().size == 0
        sinks.join()
    assert sinks.took[0] == b""


# --- leaving and failing -----------------------------------------------------------------------------


def test_a_sink_that_leaves_holds_nobody_up(pieces: Any, content: bytes) -> None:
    """One sink leaves in the middle, one never begins; the third gets everything."""

    def leaves(body: Body) -> Any:
        next(body.chunks(0))
        feed.leave(1)
        return b""

    with feeding(pieces(content), sinks=3) as (feed, sinks, _):
        feed.leave(2)
        sinks.start(0, whole)
        sinks.start(1, leaves)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content


def test_a_sink_that_fails_for_good_does_not_fail_the_others(pieces: Any, content: bytes) -> None:
    """A refused sink leaves with its error; the others go on."""

    def fails(body: Body) -> None:
        cut(body, BLOCK)
        raise PermissionError("no")

    with feeding(pieces(content), sinks=2) as (feed, sinks, _):
        sinks.start(0, whole)
        sinks.start(1, fails)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert isinstance(sinks.failed[1], PermissionError)


def test_a_feed_whose_sinks_all_failed_ends_with_their_error(pieces: Any, content: bytes) -> None:
    """Reading on for nobody would be in vain."""
    source, error = pieces(content), PermissionError("no")
    with feeding(source, sinks=2) as (feed, _, _):
        feed.leave(0, error)
        feed.leave(1, error)
        with pytest.raises(PermissionError) as caught:
            feed.pump()
    assert caught.value is error
    assert source.read < len(content)


def test_the_bytes_of_a_sink_that_left_cannot_be_asked_for(pieces: Any) -> None:
    """Gone is gone, with the error it went with."""
    with feeding(pieces(b"abc"), sinks=2) as (feed, _, _):
        feed.leave(0)
        feed.leave(1, PermissionError("no"))
        with pytest.raises(Cancelled, match="sink 0 left"):
            next(feed.body(0).chunks(0))
        with pytest.raises(PermissionError):
            next(feed.body(1).chunks(0))


def test_a_source_that_raises_fails_every_sink_with_that_error(pieces: Any, content: bytes) -> None:
    """The pump and all sinks raise the very error of the source."""
    error = ZeroDivisionError("at byte n")
    source = pieces(content, fails_at=3 * BLOCK + 7, error=error)
    with feeding(source, sinks=2) as (feed, sinks, _):
        sinks.start(0, whole)
        sinks.start(1, whole)
        with pytest.raises(ZeroDivisionError) as caught:
            feed.pump()
        sinks.join()
    assert caught.value is error
    assert sinks.failed[0] is sinks.failed[1] is error


def test_a_failing_listener_fails_the_feed(pieces: Any) -> None:
    """What the identity's listener raises is not lost."""
    with feeding(pieces(b"abc"), sinks=1) as (feed, sinks, _):
        sinks.start(0, whole)
        with pytest.raises(ZeroDivisionError):
            feed.pump(lambda _: 1 / 0)
        sinks.join()
    assert isinstance(sinks.failed[0], ZeroDivisionError)


def test_check_ends_a_feed_that_waits_for_its_sinks(pieces: Any, content: bytes, stopper: Any) -> None:
    """A pump that waits for a sink which never takes ends when the check says so."""
    stop = threading.Event()
    check = stopper(stop)
    with feeding(pieces(content), check=check) as (feed, _, _):
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(check.error):
            feed.pump()


def test_check_ends_a_sink_that_waits_for_a_source_which_hangs(stuck: Any, stopper: Any) -> None:
    """Pump and sink both end when the check says so, though read() does not return."""
    stop = threading.Event()
    check = stopper(stop)
    with feeding(stuck(bytes(BLOCK)), check=check) as (feed, sinks, _):
        sinks.start(0, whole)
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(check.error):
            feed.pump()
        sinks.join()
    assert isinstance(sinks.failed[0], check.error)


# --- coming again ------------------------------------------------------------------------------------


def test_a_sink_comes_again_from_the_window_without_a_second_reading(pieces: Any, content: bytes) -> None:
    """What was just sent is still at hand, so a short way back costs nothing."""
    source = pieces(content)

    def comes_again(body: Body) -> Any:
        back = len(cut(body, 9 * BLOCK)) - BLOCK - 5
        return content[:back] + whole(body, back)

    with feeding(source) as (feed, sinks, counters):
        sinks.start(0, comes_again)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert (counters.attempts, source.opened) == (1, 1)


@pytest.mark.parametrize("offset", [0, 1, BLOCK, 3 * BLOCK + 17])
@pytest.mark.parametrize("others", [0, 1])
def test_a_sink_comes_again_by_a_second_reading(
    pieces: Any, content: bytes, offset: int, others: Any
) -> None:
    """From further back the source is opened once more, up to where the first reading stands."""
    source = pieces(content)

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 4) * BLOCK)
        return content[:offset] + whole(body, offset)

    with feeding(source, sinks=1 + others) as (feed, sinks, counters):
        sinks.start(0, comes_again)
        for number in range(1, 1 + others):
            sinks.start(number, whole)
        feed.pump()
        sinks.join()
    assert all(blob == content for blob in sinks.took.values())
    assert len(sinks.took) == 1 + others
    assert (counters.attempts, source.opened) == (2, 2)


def test_a_second_reading_goes_no_further_than_the_first(pieces: Any, content: bytes) -> None:
    """The two readings meet: what follows is read once."""
    source = pieces(content)

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 2) * BLOCK)
        return whole(body)

    with feeding(source) as (feed, sinks, _):
        sinks.start(0, comes_again)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert source.read < 2 * len(content)


def test_a_sink_comes_again_after_everything_was_read(pieces: Any, content: bytes) -> None:
    """A registry that loses the blob at the very end gets all of it once more."""

    def twice(body: Body) -> Any:
        assert whole(body) == content
        assert whole(body, len(content)) == b""
        return whole(body)

    with feeding(pieces(content), Uncompressed()) as (feed, sinks, counters):
        sinks.start(0, twice)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert counters.attempts == 2


@pytest.mark.parametrize("size", [None, 0, 5, 2 * BLOCK, 2 * BLOCK + 5])
def test_a_second_reading_must_give_the_same_bytes(pieces: Any, content: bytes, size: int) -> None:
    """A source that changed between two readings is named, whether other or shorter."""
    other = b"x" + content[1:] if size is None else content[:size]
    source = pieces(content, after={2: other})

    def twice(body: Body) -> Any:
        whole(body)
        return whole(body)

    with feeding(source) as (feed, sinks, _):
        sinks.start(0, twice)
        feed.pump()
        sinks.join()
    assert isinstance(sinks.failed[0], SourceChanged)
    assert "pieces gave other bytes" in str(sinks.failed[0])


def test_a_second_reading_that_outruns_the_first_is_another(pieces: Any, content: bytes) -> None:
    """Blocks of other sizes than before mean other content, found where the readings should have met."""
    source = pieces(content, after={2: content})
    with feeding(source, Gzip()) as (feed, sinks, _):
        sinks.start(0, lambda body: whole(body) and whole(body))
        feed.pump()
        sinks.join()
        assert len(sinks.took[0]) == feed.identity.size
        source.after[3] = bytes(len(content))
        with pytest.raises(SourceChanged, match="pieces"):
            whole(feed.body(0))


def test_what_is_still_at_hand_is_not_read_again(pieces: Any, content: bytes) -> None:
    """A change in bytes that the window still holds does no harm: they are sent as they were read."""
    source = pieces(content, after={2: content[:-1]})
    with feeding(source) as (feed, sinks, _):
        sinks.start(0, lambda body: whole(body) and whole(body))
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content


def test_a_file_that_changed_between_readings_is_named(tmp_path: Path, content: bytes) -> None:
    """The error of a changed file says which."""
    path = tmp_path / "rootfs.tar"
    path.write_bytes(content)

    def twice(body: Body) -> Any:
        whole(body)
        path.write_bytes(content[::-1])
        return whole(body)

    with feeding(TarFile(path)) as (feed, sinks, _):
        sinks.start(0, twice)
        feed.pump()
        sinks.join()
    assert isinstance(sinks.failed[0], SourceChanged)
    assert str(path) in str(sinks.failed[0])


def test_a_sink_that_is_away_does_not_hold_up_the_others(pieces: Any, content: bytes) -> None:
    """While one sink waits to try again, the other gets everything."""
    done = threading.Event()

    def away(body: Body) -> Any:
        cut(body, BLOCK)
        assert done.wait(20)
        return whole(body)

    def here(body: Body) -> Any:
        taken = whole(body)
        done.set()
        return taken

    with feeding(pieces(content), sinks=2) as (feed, sinks, _):
        sinks.start(0, away)
        sinks.start(1, here)
        feed.pump()
        sinks.join()
    assert sinks.took == {0: content, 1: content}


def test_the_pump_waits_while_everybody_is_away(pieces: Any, content: bytes) -> None:
    """With the only sink away, a source that can be read again is not read on for nobody."""
    source, come = pieces(content), threading.Event()

    def away(body: Body) -> Any:
        cut(body, BLOCK)
        assert come.wait(20)
        return whole(body)

    with feeding(source) as (feed, sinks, _):
        sinks.start(0, away)
        pump = threading.Thread(target=feed.pump)
        pump.start()
        until(lambda: feed.body(0).state == "away")
        time.sleep(0.15)
        ahead = feed._supply.window.end_number
        time.sleep(0.15)
        assert feed._supply.window.end_number == ahead < len(content) // BLOCK
        come.set()
        pump.join()
        sinks.join()
    assert sinks.took[0] == content


def test_nobody_joins_at_a_block_that_is_about_to_go(
    pieces: Any, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sink that comes back for the oldest block, just as the next one is read, gets that block."""
    cut_off, joined, turns = threading.Event(), threading.Event(), []

    def away(body: Body) -> Any:
        cut(body, BLOCK)
        cut_off.set()
        assert joined.wait(20)
        return content[:BLOCK] + b"".join(body._follow(turns[0]))

    def copy(self: Any, *read: Any) -> None:
        real(self, *read)
        if self._supply.window.end_number == KEEP + 1:  # the oldest that is kept is number 1
            assert cut_off.wait(20)
            tap = self.body(0)
            turns.append(tap._begin_turn())
            assert tap._join(turns[0], BLOCK)
            joined.set()

    real = Feed._copy
    monkeypatch.setattr(Feed, "_copy", copy)
    with feeding(pieces(content), sinks=2) as (feed, sinks, _):
        sinks.start(0, away)
        sinks.start(1, whole)
        feed.pump()
        sinks.join()
    assert not sinks.failed
    assert sinks.took == {0: content, 1: content}


def test_asking_again_ends_the_iterator_before(pieces: Any, content: bytes) -> None:
    """Of two iterators of one sink, the older is dead, and says so instead of ending early."""
    dead = []

    def asks_twice(body: Body) -> Any:
        older = body.chunks(0)
        next(older)
        taken = whole(body)
        with pytest.raises(Cancelled, match="anew"):
            list(older)
        dead.append(True)
        return taken

    with feeding(pieces(content)) as (feed, sinks, _):
        sinks.start(0, asks_twice)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert dead


def test_more_than_was_sent_cannot_be_asked_for(pieces: Any) -> None:
    """A registry that claims to hold what it was never sent is not believed."""
    with feeding(pieces(b"abc")) as (feed, _, _), pytest.raises(ValueError, match="only 0 were sent"):
        next(feed.body(0).chunks(7))


# --- one-shot ----------------------------------------------------------------------------------------


def test_a_one_shot_stream_is_sent_again_from_its_copy(content: bytes) -> None:
    """After a cut, a stream's blob comes from scratch space from any offset, and goes on live."""

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 3) * BLOCK)
        return content[:5] + whole(body, 5)

    def taken_late(body: Body) -> Any:
        return whole(body)

    with feeding(Stream(io.BytesIO(content)), sinks=2) as (feed, sinks, counters):
        sinks.start(0, comes_again)
        sinks.start(1, taken_late)
        feed.pump()
        sinks.join()
    assert sinks.took == {0: content, 1: content}
    assert counters.attempts == 1


def test_a_copy_is_read_while_it_grows(content: bytes) -> None:
    """A stream still flowing is sent again from the copy up to where it stands, then as it comes."""
    read_end, write_end = os.pipe()
    half, resume = len(content) - 2 * BLOCK, threading.Event()

    def write() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(content[:half])
            pipe.flush()
            assert resume.wait(20)
            pipe.write(content[half:])

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 3) * BLOCK)
        chunks = body.chunks(0)
        taken = bytearray()
        while len(taken) < BLOCK:
            taken += next(chunks)
        resume.set()
        for chunk in chunks:
            taken += chunk
        return taken

    with os.fdopen(read_end, "rb", buffering=0) as pipe, feeding(Stream(pipe)) as (feed, sinks, _):
        writer = threading.Thread(target=write)
        writer.start()
        sinks.start(0, comes_again)
        feed.pump()
        sinks.join()
        writer.join()
    assert sinks.took[0] == content


def test_a_stream_flows_on_while_its_only_sink_is_away(content: bytes) -> None:
    """The copy takes what the sink will want: whoever writes the stream is not held up."""
    pumped = threading.Event()

    def away(body: Body) -> Any:
        cut(body, BLOCK)
        assert pumped.wait(20)
        return whole(body)

    with feeding(Stream(io.BytesIO(content))) as (feed, sinks, _):
        sinks.start(0, away)
        feed.pump()
        pumped.set()
        sinks.join()
    assert sinks.took[0] == content


def test_the_copy_has_no_name_and_is_given_back(tmp_path: Path, content: bytes) -> None:
    """Nothing is left in the scratch directory, not even while the copy is there."""

    def look(body: Body) -> Any:
        taken = whole(body)
        seen.append(list(tmp_path.iterdir()))
        return taken

    seen = []
    with feeding(Stream(io.BytesIO(content)), spool_directory=tmp_path) as (feed, sinks, _):
        sinks.start(0, look)
        feed.pump()
        sinks.join()
        assert feed._supply.spool.length == len(content)
    assert seen == [[]]


def test_without_a_copy_the_error_says_what_to_do(content: bytes) -> None:
    """spool=False matters only when bytes are asked for again, and then the error says so."""

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 3) * BLOCK)
        return whole(body)

    with feeding(Stream(io.BytesIO(content)), spool=False) as (feed, sinks, _):
        sinks.start(0, comes_again)
        with pytest.raises(StreamSpent, match=r"from byte 0.*spool=False.*from_opener"):
            feed.pump()
        sinks.join()
    assert isinstance(sinks.failed[0], StreamSpent)


def test_without_a_copy_the_window_still_serves(content: bytes) -> None:
    """Even with spool=False, a short way back is no fault."""

    def comes_again(body: Body) -> Any:
        back = len(cut(body, 9 * BLOCK)) - BLOCK
        return content[:back] + whole(body, back)

    with feeding(Stream(io.BytesIO(content)), spool=False) as (feed, sinks, _):
        sinks.start(0, comes_again)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content


def test_without_a_copy_a_stream_waits_for_its_only_sink(content: bytes) -> None:
    """What nobody keeps is not read on for nobody: the sink that comes back finds it in the window."""
    come = threading.Event()

    def comes_again(body: Body) -> Any:
        back = len(cut(body, 2 * BLOCK))
        assert come.wait(20)
        return content[:back] + whole(body, back)

    with feeding(Stream(io.BytesIO(content)), spool=False) as (feed, sinks, _):
        sinks.start(0, comes_again)
        pump = threading.Thread(target=feed.pump)
        pump.start()
        until(lambda: feed.body(0).state == "away")
        time.sleep(0.3)
        come.set()
        pump.join()
        sinks.join()
    assert sinks.took == {0: content}


def test_a_full_scratch_matters_only_when_it_does(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """A copy that could not be finished fails nobody who does not need it, and names why to who does."""
    from lazyimg.content.spool import Spool  # noqa: PLC0415 - patched below

    def full(self: Any, data: bytes) -> Any:
        if self.length >= 2 * BLOCK:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 3) * BLOCK)
        taken = bytearray()
        for chunk in body.chunks(BLOCK):
            taken += chunk
        return taken

    real = Spool._append
    monkeypatch.setattr(Spool, "_append", full)
    with feeding(Stream(io.BytesIO(content)), sinks=2) as (feed, sinks, _):
        sinks.start(0, whole)
        sinks.start(1, comes_again)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert isinstance(sinks.failed[1], StreamSpent)
    assert "No space left on device" in str(sinks.failed[1])
    assert f"from byte {2 * BLOCK}" in str(sinks.failed[1])


def test_a_fifo_is_found_to_be_one_shot(tmp_path: Path, content: bytes) -> None:
    """A path that turns out to be a FIFO is copied as it is sent, and never opened again."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(content))
    writer.start()

    def comes_again(body: Body) -> Any:
        cut(body, (KEEP + 3) * BLOCK)
        return whole(body)

    with feeding(TarFile(path)) as (feed, sinks, counters):
        sinks.start(0, comes_again)
        feed.pump()
        sinks.join()
    writer.join()
    assert sinks.took[0] == content
    assert counters.opened == 1


# --- kept on request ---------------------------------------------------------------------------------


def test_a_blob_wanted_again_is_not_read_again(pieces: Any, content: bytes) -> None:
    """A sink that says early that it will start over gets the second round from scratch space."""
    source = pieces(content)

    def keeps(body: Body) -> Any:
        chunks = body.chunks(0)
        next(chunks)
        body.keep()
        assert sum(map(len, chunks)) == len(content) - SLICE
        return whole(body)

    with feeding(source) as (feed, sinks, counters):
        sinks.start(0, keeps)
        feed.pump()
        sinks.join()
    assert sinks.took[0] == content
    assert (counters.attempts, source.read) == (1, len(content))


def test_a_blob_wanted_again_too_late_is_read_again(pieces: Any, content: bytes) -> None:
    """When the beginning is past, nothing is copied and the source is opened once more."""
    source = pieces(content)

    def keeps(body: Body) -> Any:
        taken = 0
        for chunk in body.chunks(0):
            taken += len(chunk)
            if taken > (KEEP + 2) * BLOCK:
                body.keep()
        return whole(body)

    with feeding(source) as (feed, sinks, counters):
        sinks.start(0, keeps)
        feed.pump()
        sinks.join()
        assert feed._supply.spool is None
    assert sinks.took[0] == content
    assert counters.attempts == 2


def test_constants_fit_each_other() -> None:
    """The window holds all that a live sink may still have to take."""
    assert feed_module.AHEAD < KEEP
