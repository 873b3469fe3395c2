"""Digests, sizes and documents of what is not being written: forced, or waited for."""

import threading
from contextlib import suppress
from typing import TypeVar

from attrs import field, frozen

from lazyimg.content.identity import Identity
from lazyimg.content.stream import OneShot
from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.errors import IdentityTimeout, NobodyConsumes, StreamSpent
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest
from lazyimg.state.contents import Contents, Local
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import IndexState, State
from lazyimg.state.seal import Sealed
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import HELD, Early, Thunk
from lazyimg.write.consume import Consume
from lazyimg.write.expand import ConfigOf, SealImage
from lazyimg.write.sharing import read_often
from lazyimg.write.streams import one_shots

V = TypeVar("V")


@frozen
class Identify(Thunk[Identity]):
    """The identity of a layer."""

    layer: Thunk[Contents] = field(metadata=HELD)

    def evaluate(self, run: Run) -> Thunk[Identity]:
        """Go on with the layer, once it is known what is read for it more than once."""
        run.runtime.copies.expect(read_often([self.layer]))
        return Identified(self.layer)


@frozen
class Identified(Thunk[Identity]):
    """The identity of a layer, read to its end unless it is vouched for."""

    layer: Thunk[Contents]

    def evaluate(self, run: Run) -> Identity | Thunk[Identity]:
        """Go on with the bytes."""
        contents = run.value(self.layer)
        if isinstance(contents, Local) and contents.given is not None:
            return contents.given
        return Early(Consume((self.layer,)))


@frozen
class Sealing(Thunk[tuple[Sealed, ConfigFile | None]]):
    """The manifest and the config of an image in their final bytes; an artifact's config is not read."""

    image: Thunk[ImageState]

    def evaluate(self, run: Run) -> Thunk[tuple[Sealed, ConfigFile | None]]:
        """Go on with both."""
        config = ConfigOf(self.image) if run.value(self.image).is_image else None
        return _Both(SealImage(self.image), config)


@frozen
class _Both(Thunk[tuple[Sealed, ConfigFile | None]]):
    manifest: Thunk[Sealed]
    config: Thunk[ConfigFile] | None

    def evaluate(self, run: Run) -> tuple[Sealed, ConfigFile | None]:
        return run.value(self.manifest), None if self.config is None else run.value(self.config)


def sealed(image: Thunk[State], engine: Engine | None = None, timeout: float | None = None) -> Sealed:
    """An image's manifest in its final bytes. Reads documents, and local layers to their ends.

    Args:
        image: the image.
        engine: by default the current one.
        timeout: seconds to wait at most for streams that somebody else consumes.
    """
    return ask(image, SealImage(image), engine, timeout)


def manifest(image: Thunk[ImageState], engine: Engine | None, timeout: float | None) -> Manifest:
    """An image's manifest."""
    return Manifest.parse(sealed(image, engine, timeout).data)


def index_document(index: Thunk[IndexState], engine: Engine | None, timeout: float | None) -> Index:
    """An index's document."""
    return Index.parse(sealed(index, engine, timeout).data)


def config(image: Thunk[ImageState], engine: Engine | None, timeout: float | None) -> ConfigFile:
    """An image's config. Local layers are read only if the config was edited."""
    return ask(image, ConfigOf(image), engine, timeout)


def total_size(image: Thunk[ImageState], engine: Engine | None, timeout: float | None) -> int:
    """Bytes of an image as it travels."""
    found = sealed(image, engine, timeout)
    named = Manifest.parse(found.data)
    return len(found.data) + named.config.size + sum(layer.size for layer in named.layers)


def identity(layer: Thunk[Contents], engine: Engine | None = None, timeout: float | None = None) -> Identity:
    """What a layer comes to; see `lazyimg.Layer.identity`."""
    return ask(layer, Identify(layer), engine, timeout)


def ask(below: Thunk[object], thunk: Thunk[V], engine: Engine | None, timeout: float | None) -> V:
    """Force ``thunk`` once the streams that ``below`` reaches have been consumed by others.

    Raises:
        ForcedInside: called from an evaluation.
        IdentityTimeout: a stream was not consumed in time.
        NobodyConsumes: on the main thread, without a timeout, and no write will read the stream.
        StreamSpent: a stream is gone, and this was not made of it.
    """
    refuse_inside(thunk)
    for stream, layer in one_shots([below]).items():
        if getattr(below, "is_layer", False):
            _wait(stream, below, timeout)
        else:
            with suppress(StreamSpent):  # what was made of it, instead of it, may be known all the same
                _wait(stream, layer, timeout)
    engine = engine or current_engine()
    work = engine.begin()
    work.patience = timeout
    return engine.force(thunk, work=work)


def _wait(stream: OneShot, layer: Thunk[object], timeout: float | None) -> None:
    def check() -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and timeout is None and not stream.claimed:
            raise NobodyConsumes(
                f"{layer!r}, composed at {layer.origin}, is a one-shot stream nobody reads: its identity "
                "is known once a write has consumed it. Call write() first, ask from another thread, give a "
                "timeout, or use Layer.from_opener, which can be read any time"
            )

    cell = stream.identities.cell(layer.key)
    if cell.state == "pending":
        check()
    try:
        cell.get(timeout, check)
    except TimeoutError as error:
        if cell.state == "failed":
            raise
        raise IdentityTimeout(
            f"after {timeout:g} s nothing had consumed {layer!r}, composed at {layer.origin}"
        ) from error
