"""Digests, sizes and documents of what is not written."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.images import described, sha256, text_of

import lazyimg as li
from lazyimg.errors import Cancelled, IdentityTimeout, NobodyConsumes, StreamSpent

if TYPE_CHECKING:
    from support.images import Pushing

TAR = li.Uncompressed()


def stream(data: bytes = b"data") -> li.Layer:
    return li.Layer.from_stream(io.BytesIO(data), compression=TAR)


class TestDocuments:
    """Manifest, config, size: as they would be written, and as they were."""

    def test_asked_before_and_after(self, app: Pushing) -> None:
        """The same bytes as the write sends."""
        image = (
            li.Image.empty()
            .append(li.Layer.from_files({"/a": b"a"}))
            .configure(user="1")
            .annotate({"a": "b"})
        )
        manifest, config, size, digest = image.manifest(), image.config(), image.size(), image.digest()
        result = image.write(f"{app.host}/app:1")
        assert app.raw("1") == manifest.to_bytes()
        assert app.bytes(app.json("1")["config"]) == config.to_bytes()
        assert (result.digest, result.bytes_sent) == (digest, size)

    def test_a_config_alone_reads_no_layer_where_it_was_not_edited(
        self, base: Pushing, registry: li.Registry
    ) -> None:
        """It is what the registry has."""
        base.image("1")
        registry.clear()
        assert li.Image.from_registry(f"{base.host}/base:1").annotate({"a": "b"}).config().os == "linux"
        assert [request.method for request in registry.requests] == ["GET", "GET"]

    def test_an_engine_may_be_named(self) -> None:
        """It is the one that forces."""
        events: list[Any] = []
        engine = li.Engine(on_event=events.append)
        image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}))
        for ask in (image.digest, image.manifest, image.config, image.size, image.layers):
            events.clear()
            ask(engine=engine)
            assert events, ask

    def test_vouched_layers_are_not_read(self, tmp_path: Any) -> None:
        """The manifest of an image of them is known without a file."""
        layer = li.Layer.from_blob(tmp_path / "a.tar", digest=sha256(b"a"), diff_id=sha256(b"a"), size=1)
        image = li.Image.empty().append(layer)
        assert image.manifest().layers[0].digest == sha256(b"a")
        assert image.config().diff_ids == (sha256(b"a"),)
        assert image.size() > 1

    def test_of_a_referrer(self, base: Pushing) -> None:
        """What it refers to is sealed too."""
        pushed = base.image("1")
        image = li.Image.empty().with_subject(
            li.Image.from_registry(f"{base.host}/base:1").annotate({"x": "y"})
        )
        expected = {**pushed, "annotations": {"x": "y"}}
        subject = image.manifest().subject
        assert subject is not None
        assert subject.size <= len(text_of(expected))
        assert described(b"", "x")["size"] == 0


class TestStreams:
    """A one-shot stream is waited for."""

    def test_nobody_will_ever_consume_it(self) -> None:
        """On the main thread the error says what to do, and that the stream is still there."""
        layer = stream()
        with pytest.raises(NobodyConsumes) as caught:
            layer.digest()
        for words in ("test_asking.py", "Call write() first", "Layer.from_opener"):
            assert words in str(caught.value)
        with pytest.raises(NobodyConsumes):
            li.Image.empty().append(layer).digest()

    @pytest.mark.parametrize("ask", ["digest", "size", "diff_id", "identity"])
    def test_a_timeout_ends_the_wait(self, ask: str) -> None:
        """As a TimeoutError that names the layer."""
        with pytest.raises(IdentityTimeout, match=r"after 0\.05 s nothing had consumed FromStream") as caught:
            getattr(stream(), ask)(timeout=0.05)
        assert isinstance(caught.value, TimeoutError)

    def test_an_image_of_it_times_out_too(self) -> None:
        """Whatever of it is asked for, if the layer is needed for it."""
        image = li.Image.empty().append(stream())
        for ask in (image.digest, image.manifest, image.config, image.size):
            with pytest.raises(IdentityTimeout):
                ask(timeout=0.01)

    def test_after_a_write_it_is_known(self, app: Pushing) -> None:
        """For ever, though the bytes are gone."""
        layer = stream()
        image = li.Image.empty().append(layer)
        result = image.write(f"{app.host}/app:1")
        assert (layer.digest(), layer.diff_id(), layer.size()) == (sha256(b"data"), sha256(b"data"), 4)
        assert image.digest() == result.digest
        assert image.annotate({"a": "b"}).size() > 0

    def test_a_second_write_is_refused_before_its_session(self, registry: li.Registry) -> None:
        """The bytes are gone; the error says what to do."""
        image = li.Image.empty().append(stream())
        image.write(f"{registry.host}/app:1")
        registry.clear()
        with pytest.raises(StreamSpent, match=r"was read already.*Layer\.from_opener"):
            image.write(f"{registry.host}/app:2")
        assert registry.requests == []

    def test_a_denied_write_does_not_spend_it(self, registry: li.Registry, app: Pushing) -> None:
        """Nothing of it was read, so another write may."""
        layer = stream()
        image = li.Image.empty().append(layer)
        registry.deny("no")
        with pytest.raises(PermissionError):
            image.write(f"{registry.host}/no:1")
        image.write(f"{app.host}/app:1")
        assert app.bytes(app.json("1")["layers"][0]) == b"data"

    def test_two_layers_of_one_stream_are_refused(self, registry: li.Registry) -> None:
        """It could be read for one of them only."""
        layer = stream()
        other = type(layer)(layer.one_shot, compression=li.Gzip())  # type: ignore[attr-defined,call-arg]
        with pytest.raises(StreamSpent, match="are made of one stream"):
            li.Image.empty().append(layer, other).write(f"{registry.host}/app:1")
        readable = io.BytesIO(b"data")
        twice = [li.Layer.from_stream(readable) for _ in range(2)]
        with pytest.raises(StreamSpent, match="are made of one stream"):
            li.Image.empty().append(*twice).write(f"{registry.host}/app:1")
        assert registry.requests == []

    def test_a_write_that_has_it_keeps_others_away(self, registry: li.Registry) -> None:
        """While it runs; a reader that waits has the identity at its end."""
        release = threading.Event()

        class Slow(io.RawIOBase):
            def readinto(self, _: Any) -> int:
                started.set()
                release.wait(10)
                return 0

        started = threading.Event()
        layer = li.Layer.from_stream(Slow(), compression=TAR)
        image = li.Image.empty().append(layer)
        with li.Engine() as engine:
            thread = threading.Thread(target=lambda: image.write(f"{registry.host}/app:1", engine=engine))
            thread.start()
            assert started.wait(10)
            with pytest.raises(StreamSpent, match=r"is being read by another write|was read already"):
                image.write(f"{registry.host}/app:2")
            release.set()
            assert layer.digest() == sha256(b"")
            thread.join()

    def test_a_failed_write_is_everybody_s_failure(self, app: Pushing) -> None:
        """Whoever waits, and whoever asks later, gets the very error."""
        error = RuntimeError("the user's own")

        class Broken(io.RawIOBase):
            def readinto(self, _: Any) -> int:
                raise error

        layer = li.Layer.from_stream(Broken())
        found: list[BaseException] = []

        def wait() -> None:
            try:
                layer.digest()
            except BaseException as caught:  # noqa: BLE001 - compared below
                found.append(caught)

        waiter = threading.Thread(target=wait)
        waiter.start()
        with pytest.raises(RuntimeError):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")
        waiter.join()
        assert found == [error]
        with pytest.raises(RuntimeError) as caught:
            layer.digest(timeout=1)
        assert caught.value is error

    def test_an_error_that_is_a_timeout_is_not_mistaken_for_ours(self, app: Pushing) -> None:
        """A source's own TimeoutError comes out as it is."""

        class Late(io.RawIOBase):
            def readinto(self, _: Any) -> int:
                raise TimeoutError("the user's own")

        layer = li.Layer.from_stream(Late())
        with pytest.raises(TimeoutError, match="the user's own"):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")
        with pytest.raises(TimeoutError, match="the user's own"):
            layer.digest(timeout=1)

    def test_an_interrupted_write_is_told_as_one(self, app: Pushing) -> None:
        """Those who wait are not interrupted themselves."""

        class Interrupted(io.RawIOBase):
            def readinto(self, _: Any) -> int:
                raise KeyboardInterrupt

        layer = li.Layer.from_stream(Interrupted())
        with pytest.raises(KeyboardInterrupt):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")
        with pytest.raises(Cancelled, match="interrupted"):
            layer.digest(timeout=1)
