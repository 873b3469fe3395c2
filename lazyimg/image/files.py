"""Looking into an image or a layer: its files, as they would be in a container."""

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen

from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.errors import NobodyConsumes
from lazyimg.image.rewriting import refuse_artifact
from lazyimg.state.contents import Contents
from lazyimg.state.image_state import ImageState
from lazyimg.state.reading import readable
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import HELD, Thunk
from lazyimg.write.sharing import read_often
from lazyimg.write.streams import one_shots

if TYPE_CHECKING:
    from lazyimg.content.files import Files


@frozen
class FilesOf(Thunk["Files"]):
    """The files of an image."""

    image: Thunk[ImageState]

    def evaluate(self, run: Run) -> Thunk["Files"]:
        """Go on with the layers."""
        state = run.value(self.image)
        refuse_artifact(state, "files()")
        return _expected(ReadFiles(tuple(layer.layer for layer in state.layers)), run)


@frozen
class LayerFiles(Thunk["Files"]):
    """The files of a layer."""

    layer: Thunk[Contents] = field(metadata=HELD)

    def evaluate(self, run: Run) -> Thunk["Files"]:
        """Go on with it."""
        return _expected(ReadFiles((self.layer,), on_top=True), run)


@frozen
class ReadFiles(Thunk["Files"]):
    """Read layers, each once, and merge them.

    Attributes:
        layers: lowest first.
        on_top: whether there are others below, of which nothing is read.
    """

    effectful: ClassVar[bool] = True

    layers: tuple[Thunk[Contents], ...]
    on_top: bool = False

    def evaluate(self, run: Run) -> "Files":
        """Read them into scratch space."""
        from lazyimg.content.files import Files  # noqa: PLC0415 - decompressors are loaded on use
        from lazyimg.content.merged import Merged  # noqa: PLC0415 - with them
        from lazyimg.state.layer_tar import ContentsTar  # noqa: PLC0415 - with them

        merged = Merged(run.runtime.scratch, on_top=self.on_top, limits=run.runtime.limits)
        try:
            for layer in self.layers:
                tar = ContentsTar(readable(run.value(layer), layer.key, run), run.runtime, run.check)
                with tar.open() as opened:
                    merged.add(opened.chunks, tar.describe())
            merged.settle()
        except BaseException:
            merged.close()
            raise
        return Files(merged)


def _expected(reading: ReadFiles, run: Run) -> ReadFiles:
    """The same, once it is known what is read for it more than once."""
    run.runtime.copies.expect(read_often([reading]))
    return reading


def files(image: Thunk[ImageState], engine: Engine | None) -> "Files":
    """The files of an image; see `lazyimg.Image.files`."""
    return _forced(image, FilesOf(image), engine)


def layer_files(layer: Thunk[Contents], engine: Engine | None) -> "Files":
    """The files of a layer; see `lazyimg.Layer.files`."""
    return _forced(layer, LayerFiles(layer), engine)


def _forced(below: Thunk[Any], thunk: Thunk["Files"], engine: Engine | None) -> "Files":
    """Force it, unless that would use up a stream.

    Raises:
        NobodyConsumes: it would.
    """
    refuse_inside(thunk)
    for stream, layer in one_shots([below]).items():
        raise NobodyConsumes(
            f"{layer!r}, composed at {layer.origin}, is the one-shot stream {stream!r}: looking into it "
            "would use it up. Write it, and look into what was written; or use Layer.from_opener"
        )
    return (engine or current_engine()).force(thunk)
