"""The one pass: same bytes always, one reading, bounded, cancelled at once."""

import gzip
import hashlib
import shutil
import subprocess
import threading
import time
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lazyimg.content.belt import PLACES
from lazyimg.content.block import BLOCK
from lazyimg.content.compression import Compression, Gzip, Uncompressed, Zstd
from lazyimg.content.counters import Counters
from lazyimg.content.deflate import FINAL, HEADER
from lazyimg.content.pipeline import Pass, identity_of
from lazyimg.content.source import Bytes, Opener, Source
from lazyimg.errors import InvalidContent, SourceError

GZIP_1 = {
    "empty": "458c5a203299dd326aa747fee1bbc7709bfbd560507d1603459d9f7d9eb6be76",
    "one": "5ba448431e8ca07d16a15e55bc85f5814ecb33c8e2f2e8598afa9b89f77c5f8d",
    "zeros": "69834c95d6b971027a0f605ff574e62db7983bdd6cab1ebd8e179f3c4e0e591d",
    "under": "88641f2e5102a7954a562be647386cacbcd840fb1cfc59fcf8b33d4d381a3ba0",
    "exact": "dd9dfb0dc26b9253a8ef43b2ed86b942b391b3d24baa0b2e5477aff4e14bc2e6",
    "over": "00787345016fc6b839152dcb08f3c7e5ec2dd7cdca1cac11ff390ceccd3d2d13",
    "two": "c9b1fd84a271d128ab22d116108eb560d82cc929e6197aa40f33c85ef97ce8e4",
    "five": "fc6bccee76babdda1602b2cf6892e1fc947cd1973b4849cfb2aa3e6054c01b49",
    "noise": "d0cf3ce751c503669a3918395538b2dd490827dfe0b94459c003db63927c84cd",
}
PLAIN = {
    "empty": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "one": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "zeros": "5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee",
    "under": "15dae3d92fa88b2305fe88065f3ebe84b878aa00ca2f3bffcaafd59cf0e2f03d",
    "exact": "3f4a3d0de1a1a2e4928af5dbd414191e55a1efc545d02fe03111a76392ebeb15",
    "over": "3ae2483c0c1321a72edb015af931f3ffea8580562ab87680896ed498cde1eab5",
    "two": "658ed6cfe4de28eaa541acdcdea1d902cf63dcb3f170f18105b9ddaa292fdac2",
    "five": "42e23b6baada933a9146677114dc0030bc083a7143ad5f8577681bf8f597fc98",
    "noise": "b8e2bb44e79a8a050bd5cf719d0432b3848b8930eae6409e1f5fb6fdcfed0f94",
}
ZSTD_3 = {  # libzstd changed what level 3 makes of text in 1.5.7
    "empty": "6fb8543883dafcc2ed0934866b8b3f775231f5b0933add08bf502e9e84944cbd",
    "one": "b7a0c776c68472fe59954bed82b72ba3d9c1c7804b5bcad870e3f3d0bc129fd0",
    "zeros": "49e6e0e59aabfe41e3a8d2306dd21e1f38cf4aca47dc3ee992669d7aa8ad646e",
    "noise": "96a60aa0c9907df6b3db02a64404c401ebb65e6ec55f4e8716c7cb425c1549cb",
}
ZSTD_3_SINCE_1_5_7 = {
    "under": "40f82c08993ea2c9c59c024cfdcd7694497a185cf0c1dc1f5f026e2e4affb59a",
    "exact": "2db52efa9111c6f506cd781071dd15c54fd92f65ff112d33276c7d7470dc45e4",
    "over": "2fb600c87557c8a1194c473c72ddde5ce92b62973858db20cf6dd4a66e8bc491",
    "two": "0c3e5202a37b95b471cbe9a71a0f5b840726220cf4b2024e3f9fbc82695345c8",
    "five": "5bd2e7c49afaf096853bed9509ce5d1421790c2adbaacba893231d5c1ec21e54",
}
ZSTD_3_BEFORE = {
    "under": "1df16528caa7368ae31759c2ec673fdc6b87dc858ad357887053ed66f6c90615",
    "exact": "8131282005dd8e658f4b8710862c178e52d48eb361b35b95ded1f8ec3a1b01af",
    "over": "bfc0caa1cf71e27cdfd991dfc659fa46ce5a7cee43252c5119dbc31a0242081a",
    "two": "34ef4b2b9c03a9e978756d90533d0f723d652d981dfc3ebebdc7065a2406ace9",
    "five": "02e08462ac1760854fe8c6ec317c2d5bfeabf7aa4e8e7c5c74ea15632962dd27",
}


def made(source: Source, compression: Compression = None, **more: Any) -> Any:
    """Give the blob and the identity of a source."""
    with Pass(source, compression or Gzip(), **more) as one:
        blob = b"".join(one)
    return blob, one.identity


def within(seconds: float, ask: Any) -> Any:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not ask() and time.monotonic() < end:
        time.sleep(0.005)
    return ask()


# --- the same bytes ----------------------------------------------------------------------------------


def test_gzip_digests_are_known(named_content: tuple[str, bytes]) -> None:
    """A content has the gzip digest it had on the day this was written."""
    name, content = named_content
    assert identity_of(Pass(Bytes(content), Gzip())).digest == f"sha256:{GZIP_1[name]}"


def test_uncompressed_digests_are_known(named_content: tuple[str, bytes]) -> None:
    """An uncompressed layer's digest is its content's, and its diff_id."""
    name, content = named_content
    identity = identity_of(Pass(Bytes(content), Uncompressed()))
    assert identity.digest == identity.diff_id == f"sha256:{PLAIN[name]}"
    assert identity.size == len(content)


def test_zstd_digests_are_known(named_content: tuple[str, bytes]) -> None:
    """A content has the zstd digest it had with this version of libzstd."""
    name, content = named_content
    known = {**ZSTD_3, **(ZSTD_3_SINCE_1_5_7 if zstandard.ZSTD_VERSION >= (1, 5, 7) else ZSTD_3_BEFORE)}
    assert identity_of(Pass(Bytes(content), Zstd())).digest == f"sha256:{known[name]}"


@pytest.mark.parametrize("compression", [Gzip(), Zstd(), Uncompressed()], ids=lambda value: value.name)
def test_identity_is_what_was_yielded(compression: Compression, named_content: tuple[str, bytes]) -> None:
    """Digest and size are those of the blob, diff_id that of the content, the media type says how."""
    _, content = named_content
    blob, identity = made(Bytes(content), compression)
    assert identity.digest.encoded == hashlib.sha256(blob).hexdigest()
    assert identity.size == len(blob)
    assert identity.diff_id.encoded == hashlib.sha256(content).hexdigest()
    suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[compression.name]
    assert identity.media_type == f"application/vnd.oci.image.layer.v1.tar{suffix}"


@pytest.mark.parametrize("compression", [Gzip(), Gzip(0), Gzip(2), Zstd(), Uncompressed()], ids=repr)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 3 * BLOCK), min_size=1, max_size=6))
def test_bytes_do_not_depend_on_reads(
    compression: Compression, sizes: Any, pieces: Any, contents: dict[str, bytes]
) -> None:
    """However little or much each read gives, the blob is the same."""
    content = contents["over"]
    few = [size if size > 1000 else size * 1000 for size in sizes]
    assert made(pieces(content, tuple(few)), compression) == made(Bytes(content), compression)


def test_bytes_do_not_depend_on_single_byte_reads(pieces: Any) -> None:
    """A source that gives a byte at a time makes the blob that one read makes."""
    content = b"abc" * 2000
    assert made(pieces(content, (1,))) == made(Bytes(content))


def test_bytes_do_not_depend_on_who_is_slow(contents: dict[str, bytes]) -> None:
    """A slow taker changes when blocks come, and not what they are."""
    with Pass(Bytes(contents["five"]), Gzip()) as one:
        blob = b""
        for block in one:
            time.sleep(0.02)
            blob += block
    assert one.identity.digest.encoded == GZIP_1["five"]
    assert gzip.decompress(blob) == contents["five"]


# --- gzip as a format --------------------------------------------------------------------------------


def test_gzip_is_one_member(named_content: tuple[str, bytes]) -> None:
    """Header and trailer stand once; everything between is one stream, read to its end."""
    _, content = named_content
    blob, _ = made(Bytes(content))
    member = zlib.decompressobj(31)
    assert member.decompress(blob) == content
    assert member.eof
    assert member.unused_data == b""
    assert blob.startswith(HEADER)
    assert blob[-10:-8] == FINAL


def test_gzip_is_read_by_gzip(tmp_path: Path, contents: dict[str, bytes]) -> None:
    """The gzip program finds nothing to complain about."""
    path = tmp_path / "layer.gz"
    for name in ("empty", "exact", "five", "noise"):
        path.write_bytes(made(Bytes(contents[name]))[0])
        subprocess.run([shutil.which("gzip") or "gzip", "-t", path], check=True)


def test_every_block_is_a_restart_point(contents: dict[str, bytes]) -> None:
    """Each 2 MiB of content decompresses on its own, from where its own compressed bytes begin."""
    content = contents["five"]
    with Pass(Bytes(content), Gzip()) as one:
        blocks = list(one)
    assert len(blocks) == 6
    for number, block in enumerate(blocks):
        raw = zlib.decompressobj(-15)
        begin = len(HEADER) if number == 0 else 0
        part = raw.decompress(block[begin:])
        assert part == content[number * BLOCK : (number + 1) * BLOCK]


def test_zstd_is_one_frame(contents: dict[str, bytes]) -> None:
    """zstd output is one frame without its content size, as any reader of zstd takes it."""
    blob, _ = made(Bytes(contents["five"]), Zstd())
    assert zstandard.get_frame_parameters(blob).content_size == zstandard.CONTENTSIZE_UNKNOWN
    frame = zstandard.ZstdDecompressor().decompressobj()
    assert frame.decompress(blob) == contents["five"]
    assert frame.eof
    assert frame.unused_data == b""


# --- one reading -------------------------------------------------------------------------------------


def test_a_source_is_opened_once_and_each_byte_read_once(pieces: Any, contents: dict[str, bytes]) -> None:
    """Hashing twice and compressing takes one opening and one reading."""
    source, counters = pieces(contents["five"]), Counters()
    made(source, counters=counters)
    assert (source.opened, source.closed, source.read) == (1, 1, len(contents["five"]))
    assert (counters.attempts, counters.opened, counters.bytes_read) == (1, 1, len(contents["five"]))


def test_nothing_is_opened_before_the_pass_begins(pieces: Any) -> None:
    """Making a pass opens nothing."""
    source = pieces(b"abc")
    Pass(source, Gzip())
    assert source.opened == 0


def test_reading_stops_when_nobody_takes(pieces: Any) -> None:
    """With no block taken, only so many are read as there are places."""
    source = pieces(bytes(40 * BLOCK))
    with Pass(source, Gzip()):
        assert within(5, lambda: source.read >= PLACES * BLOCK)
        time.sleep(0.1)
        assert source.read == PLACES * BLOCK


def test_small_content_needs_one_thread() -> None:
    """Content of one block is compressed by the thread that reads it."""
    started = []
    one = Pass(Bytes(b"hello"), Gzip())
    begin = one._start
    one._start = lambda target, name: (started.append(name), begin(target, name))
    with one:
        assert list(one)
    assert started == ["read"]


def test_all_threads_end(threads: Any, pieces: Any, contents: dict[str, bytes]) -> None:
    """After a pass, whole or left early, none of its threads is left."""
    with threads():
        made(pieces(contents["five"]))
        with Pass(pieces(contents["five"]), Gzip()) as one:
            next(iter(one))


# --- failing and ending ------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, BLOCK, 3 * BLOCK + 5])
@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), OSError(5, "gone")], ids=repr)
def test_the_very_error_of_a_source_comes_out(
    at: int, error: BaseException, pieces: Any, contents: dict[str, bytes]
) -> None:
    """A source that raises at byte n makes the iteration raise that object, after what came before."""
    taken = []
    with (
        pytest.raises(type(error)) as caught,
        Pass(pieces(contents["five"], fails_at=at, error=error), Gzip()) as one,
    ):
        taken.extend(one)
    assert caught.value is error
    assert len(taken) == at // BLOCK


def test_the_very_error_of_opening_comes_out() -> None:
    """A source that cannot be opened says so in its own words."""
    error = LookupError("no such thing")

    def fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        identity_of(Pass(Opener(fail), Gzip()))
    assert caught.value is error


def test_the_very_error_of_a_compressor_comes_out() -> None:
    """A failing compressor fails the pass, not the process."""
    error = MemoryError("too much")

    def job(_block: Any, *, last: bool) -> Any:  # noqa: ARG001 - an encoder's signature
        def fail() -> None:
            raise error

        return fail

    encoder = SimpleNamespace(job=job)
    codec = SimpleNamespace(encoder=lambda: encoder, workers=1, wants_tar=True)
    with pytest.raises(MemoryError) as caught:
        identity_of(Pass(Bytes(bytes(BLOCK + 1)), SimpleNamespace(codec=lambda: codec)))
    assert caught.value is error


@pytest.mark.parametrize("first", [b"", bytes(3 * BLOCK + 5)], ids=["at once", "later"])
def test_check_ends_a_pass_whose_source_hangs(first: bytes, stuck: Any, stopper: Any) -> None:
    """A read() that never returns holds nobody up: the check's error comes out, the thread is left behind."""
    source, stop = stuck(first), threading.Event()
    check = stopper(stop)
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(check.error), Pass(source, Gzip(), check) as one:
        for _ in one:
            pass
    assert source.reached.is_set()
    left = [thread for thread in threading.enumerate() if thread.name.startswith("lazyimg-")]
    assert all(thread.daemon for thread in left)
    timer.join()


def test_check_is_asked_again_and_again(stuck: Any) -> None:
    """While nothing comes, the check is asked in slices, each of which is a chance to end."""
    asked = []

    def check() -> None:
        asked.append(time.monotonic())
        if len(asked) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Pass(stuck(), Gzip(), check) as one:
        next(iter(one))
    assert len(asked) == 6


def test_a_thread_left_behind_ends_when_its_read_returns(stuck: Any, stopper: Any, threads: Any) -> None:
    """The abandoned thread does no harm once the user's read() comes back."""
    stop = threading.Event()
    stop.set()
    with threads():
        source = stuck()
        check = stopper(stop)
        with pytest.raises(check.error), Pass(source, Gzip(), check) as one:
            next(iter(one))
        source.let_go.set()


def test_a_trickling_source_ends_with_the_pass(pieces: Any, threads: Any) -> None:
    """A source that gives a little for ever is not read on after the pass was left."""
    source = pieces(bytes(BLOCK), (1,))
    with threads():
        with Pass(source, Gzip()):
            within(5, lambda: source.read > 10)
        read = source.read
        assert read < BLOCK
    assert source.closed == 1


def test_identity_is_not_known_early() -> None:
    """A pass that was not taken to its end has no identity to give."""
    with Pass(Bytes(b"abc"), Gzip()) as one, pytest.raises(RuntimeError, match="last block"):
        _ = one.identity


def test_a_pass_that_was_left_cannot_be_taken_from() -> None:
    """Iterating after leaving raises instead of waiting for ever."""
    with Pass(Bytes(b"abc"), Gzip()) as one:
        pass
    with pytest.raises(RuntimeError, match="left"):
        list(one)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_compressed_content_is_not_compressed_again(compress: Any) -> None:
    """A tar that is compressed already is refused, and the way out named."""
    with pytest.raises(InvalidContent, match=r"bytes is no tar but (gzip|zstd).*from_blob"):
        identity_of(Pass(Bytes(compress(b"abc" * 100)), Gzip()))


@pytest.mark.parametrize("said", [None, -1, BLOCK + 1])
def test_impossible_reads_are_refused(said: Any) -> None:
    """A reader that returns what no read can return is refused, naming the source."""
    source = SimpleNamespace(one_shot=False, describe=lambda: "mine")
    source.open = lambda: SimpleReader(said)
    with pytest.raises(SourceError, match="mine"):
        identity_of(Pass(source, Gzip()))


class SimpleReader:
    """A reader that says what it was told to say."""

    def __init__(self, said: Any) -> None:
        self._said = said

    def readinto(self, _buffer: Any) -> Any:
        """Say it."""
        return self._said

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> Any:
        return None


def test_prefix_digest_is_that_of_what_was_yielded(contents: dict[str, bytes]) -> None:
    """At every block a pass can say what the bytes so far come to."""
    running = hashlib.sha256()
    with Pass(Bytes(contents["five"]), Gzip()) as one:
        assert one.prefix_digest() == running.hexdigest()
        for block in one:
            running.update(block)
            assert one.prefix_digest() == running.hexdigest()
    assert one.describe() == f"{len(contents['five'])} bytes"


def test_a_thread_that_cannot_be_started_is_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system said comes out, not that nothing can be joined."""
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == "lazyimg-compress-2":
            raise RuntimeError("can't start new thread")
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        identity_of(Pass(Bytes(bytes(3 * BLOCK)), Gzip()))
