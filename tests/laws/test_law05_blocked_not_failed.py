"""Law 5: digest, size and diff_id of a stream wait until it is consumed; they never say "not yet"."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from laws.readers import Aside, Counted, Openings, fifo, noise, sha256, tar_of
from laws.talk import Held, asked, begun_and_cancelled, is_begin, is_manifest_put

import lazyimg as li
from lazyimg.errors import Denied, ForcedInside, IdentityTimeout, NobodyConsumes, StreamSpent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lazyimg.content.entry import Entry

TAR = tar_of({"a": noise(5 << 20)})


class Broken(Exception):
    """What a source of the tests raises."""


def waiters(layer: li.Layer, image: li.Image) -> dict[str, Aside]:
    """Ask for everything that depends on a stream, each in a thread of its own."""
    questions: dict[str, Callable[[], Any]] = {
        "digest": layer.digest,
        "size": layer.size,
        "diff_id": layer.diff_id,
        "identity": layer.identity,
        "with time": lambda: layer.digest(timeout=15),
        "image digest": image.digest,
        "image manifest": image.manifest,
        "image config": image.config,
        "image size": image.size,
    }
    return {name: Aside(question) for name, question in questions.items()}


def test_questions_from_other_threads_block_and_are_right_after_the_write(registry: li.Registry) -> None:
    """Nine threads ask before the stream is consumed; each gets what the registry has."""
    layer = li.Layer.from_stream(Counted(TAR))
    image = li.Image.empty().append(layer)
    asking = waiters(layer, image)
    assert all(waiter.is_running for waiter in asking.values())

    result = image.write(f"{registry.host}/app:1")

    found = {name: waiter.result() for name, waiter in asking.items()}
    with li.registry.Client(registry.host) as client:
        manifest = li.Manifest.parse(client.get_manifest("app", "1").data)
    [descriptor] = manifest.layers
    assert found["digest"] == found["with time"] == found["identity"].digest == descriptor.digest
    assert found["size"] == descriptor.size
    assert found["diff_id"] == sha256(TAR)
    assert found["image digest"] == result.digest
    assert found["image manifest"] == manifest
    assert found["image config"].diff_ids == (sha256(TAR),)
    assert found["image size"] == result.bytes_sent
    assert layer.digest() == descriptor.digest, "on the main thread, now that it is known"


def test_questions_asked_while_the_stream_is_being_read_wait_for_its_end(registry: li.Registry) -> None:
    """In the middle of a stream, too, the answer is the one of its end; the main thread may ask then."""
    gate = threading.Event()
    stream = Counted(TAR, gate=gate, gate_at=3 << 20)
    layer = li.Layer.from_stream(stream)
    written = Aside(lambda: li.Image.empty().append(layer).write(f"{registry.host}/app:1"))
    assert stream.started.wait(10)
    with pytest.raises(IdentityTimeout):
        layer.digest(timeout=0.2)
    other = Aside(layer.diff_id)
    threading.Timer(0.2, gate.set).start()

    assert layer.diff_id() == sha256(TAR)
    assert other.result() == sha256(TAR)
    written.result()


@pytest.mark.parametrize("failing_at", [0, 1, 2 << 20, (4 << 20) + 1])
def test_a_source_that_raises_fails_every_waiter_with_that_very_error(
    registry: li.Registry, failing_at: int
) -> None:
    """Who waits, who asks later and who writes see the same exception object; no manifest was sent."""
    error = Broken(f"at byte {failing_at}")
    layer = li.Layer.from_stream(Counted(TAR, fail_at=failing_at, error=error))
    image = li.Image.empty().append(layer)
    asking = waiters(layer, image)

    with pytest.raises(Broken) as caught:
        image.write(f"{registry.host}/app:1")

    assert caught.value is error
    for waiter in asking.values():
        waiter.end()
        assert waiter.error is error
    with pytest.raises(Broken) as later:
        layer.size()
    assert later.value is error
    assert not any(is_manifest_put(request) for request in registry.requests)
    assert begun_and_cancelled(registry) == (1, 1)


def test_a_write_that_fails_elsewhere_fails_those_who_wait_for_what_it_had_begun_to_read(
    registry: li.Registry,
) -> None:
    """Another layer's error reaches the waiters of a stream that is half read: nobody can finish that."""
    gate = threading.Event()
    half = Counted(TAR, gate=gate, gate_at=3 << 20)
    layer = li.Layer.from_stream(half)

    def broken() -> Any:
        assert half.started.wait(10)
        raise Broken

    waiter = Aside(layer.digest)
    with pytest.raises(Broken) as caught:
        li.Image.empty().append(layer, li.Layer.from_opener(broken)).write(f"{registry.host}/app:1")
    gate.set()

    waiter.end()
    assert waiter.error is caught.value


def test_a_failed_write_leaves_the_streams_it_never_read_to_the_next(registry: li.Registry) -> None:
    """Who waits for a stream that a failed write did not come to is served by the next write."""
    untouched = li.Layer.from_stream(Counted(TAR))
    patient = Aside(lambda: untouched.digest(timeout=15))
    broken = li.Layer.from_stream(Counted(TAR, fail_at=0, error=Broken()))
    with li.Engine(jobs=1), pytest.raises(Broken):
        li.Image.empty().append(broken, untouched).write(f"{registry.host}/app:1")
    assert patient.is_running

    li.Image.empty().append(untouched).write(f"{registry.host}/app:2")
    assert patient.result() == untouched.digest()


def test_a_timeout_is_told_as_one() -> None:
    """With a timeout the wait ends as IdentityTimeout, which is a TimeoutError, also on the main thread."""
    layer = li.Layer.from_stream(Counted(TAR))
    image = li.Image.empty().append(layer)

    with pytest.raises(IdentityTimeout, match=r"after 0\.05 s") as caught:
        layer.digest(timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    assert "test_law05" in str(caught.value), "it says where the stream was composed"
    for question in (layer.size, layer.diff_id, layer.identity):
        with pytest.raises(IdentityTimeout):
            question(0.01)
    for ask in (image.digest, image.manifest, image.config, image.size):
        with pytest.raises(IdentityTimeout):
            ask(timeout=0.01)


def test_the_main_thread_is_told_what_to_do_instead_of_hanging() -> None:
    """Without a timeout and without a write that reaches the stream, NobodyConsumes says what to do."""
    layer = li.Layer.from_stream(Counted(TAR))
    image = li.Image.empty().append(layer)

    for question in (layer.digest, layer.size, layer.diff_id, layer.identity, image.digest, image.config):
        with pytest.raises(NobodyConsumes) as caught:
            question()
        said = str(caught.value)
        assert "test_law05_blocked_not_failed.py" in said
        for advice in ("write()", "another thread", "timeout", "Layer.from_opener"):
            assert advice in said


def test_the_main_thread_waits_for_a_write_and_is_told_when_that_gives_the_stream_up(
    registry: li.Registry,
) -> None:
    """A write that holds the stream is worth waiting for; denied, it gives it back, and nobody consumes."""
    held = Held(is_begin)
    registry.hook = held
    registry.deny("app")
    layer = li.Layer.from_stream(Counted(TAR))
    written = Aside(lambda: li.Image.empty().append(layer).write(f"{registry.host}/app:1"))
    assert held.arrived.wait(10)
    threading.Timer(0.2, held.released.set).start()

    with pytest.raises(NobodyConsumes):
        layer.digest()
    written.end()
    assert isinstance(written.error, Denied)


def test_a_write_of_something_else_does_not_count(registry: li.Registry) -> None:
    """A running write that does not reach the stream will never consume it: the main thread is told."""
    held = Held(is_begin)
    registry.hook = held
    written = Aside(lambda: li.Image.empty().write(f"{registry.host}/app:1"))
    assert held.arrived.wait(10)

    with pytest.raises(NobodyConsumes):
        li.Layer.from_stream(Counted(TAR)).digest()
    held.released.set()
    written.result()


def test_a_spent_stream_fails_a_second_write_before_its_session(registry: li.Registry) -> None:
    """The second write ends without a request, and says what to do; the identity stays known."""
    layer = li.Layer.from_stream(Counted(TAR))
    image = li.Image.empty().append(layer)
    image.write(f"{registry.host}/app:1")
    registry.clear()

    with pytest.raises(StreamSpent, match=r"Layer\.from_opener"):
        image.write(f"{registry.host}/app:2")

    assert registry.requests == []
    assert layer.diff_id() == sha256(TAR)


def test_a_stream_that_another_write_reads_fails_the_second_before_its_session(
    new_registry: Any,
) -> None:
    """Two writes at once cannot share a stream: the later one is told, and the first goes on."""
    first, second = new_registry(), new_registry()
    held = Held(is_begin)
    first.hook = held
    image = li.Image.empty().append(li.Layer.from_stream(Counted(TAR)))
    written = Aside(lambda: image.write(f"{first.host}/app:1"))
    assert held.arrived.wait(10)

    with pytest.raises(StreamSpent, match="another write"):
        image.write(f"{second.host}/app:1")
    held.released.set()

    assert second.requests == []
    assert written.result().digest == image.digest()


def test_what_can_be_opened_again_is_forced(tmp_path: Path) -> None:
    """A file and an opener are read to the end when asked, without any write, on the main thread."""
    path = tmp_path / "layer.tar"
    path.write_bytes(TAR)
    opener = Openings(TAR)
    layers = li.Layer.from_tar(path), li.Layer.from_opener(opener)

    assert [layer.diff_id() for layer in layers] == [sha256(TAR)] * 2
    assert layers[0].digest() == layers[1].digest()
    assert layers[0].size() == layers[1].size()
    assert opener.given == 3 * len(TAR)


def forcing(*ways: Callable[[], Any]) -> list[BaseException]:
    """Force in each way from where this is called, and return what was raised."""
    raised: list[BaseException] = []
    for way in ways:
        with pytest.raises(ForcedInside) as caught:
            way()
        raised.append(caught.value)
    return raised


def test_forcing_inside_an_evaluation_is_refused_and_does_not_hang(
    tmp_path: Path, registry: li.Registry
) -> None:
    """An edit, an opener and a function of an entry that force something are told to declare an input."""
    stream = li.Layer.from_stream(Counted(TAR))
    other = li.Layer.from_files({"/a": b"b"})
    raised: list[BaseException] = []
    ways = (stream.digest, other.digest, li.Image.empty().digest, lambda: stream.size(timeout=5))

    def edit(config: li.ConfigFile) -> li.ConfigFile:
        raised.extend(forcing(*ways, lambda: li.Image.empty().write(f"{registry.host}/inner:1")))
        return config

    def opened() -> Counted:
        raised.extend(forcing(*ways))
        return Counted(TAR)

    def mtime(_: Entry) -> int:
        raised.extend(forcing(*ways))
        return 0

    (tmp_path / "file").write_bytes(b"x")
    image = li.Image.empty().edit_config(edit)
    image = image.append(li.Layer.from_opener(opened), li.Layer.from_directory(tmp_path, mtime=mtime))
    Aside(lambda: image.append(stream).write(f"{registry.host}/app:1")).result()

    assert len(raised) == 5 + 4 + 4
    assert all("declare it as an input" in str(error) for error in raised)
    assert not any("inner" in line for line in asked(registry))


def test_a_stream_that_asks_for_its_own_digest_is_refused(registry: li.Registry) -> None:
    """A source cannot wait for itself: its read() raises instead of hanging for ever."""

    class Ouroboros:
        def read(self, _: int) -> bytes:
            return str(layer.digest()).encode()

    layer = li.Layer.from_stream(Ouroboros())
    written = Aside(lambda: li.Image.empty().append(layer).write(f"{registry.host}/app:1"))
    written.end()
    assert isinstance(written.error, ForcedInside)


def test_a_fifo_is_blocked_for_like_any_file(tmp_path: Path) -> None:
    """A FIFO is opened when it is asked for, waits for its writer, and gives what that wrote."""
    path = fifo(tmp_path / "pipe")
    asking = Aside(li.Layer.from_tar(path).diff_id)
    path.write_bytes(TAR)

    assert asking.result() == sha256(TAR)
