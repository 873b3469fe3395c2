"""What can be asked of an image and done with it, whatever it was made of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from attrs import frozen

from lazyimg.state.image_state import ImageState
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.content.files import Files
    from lazyimg.engine import Engine
    from lazyimg.image.compare import Comparison
    from lazyimg.image.export import Export
    from lazyimg.image.layer import Layer
    from lazyimg.image.report import Report
    from lazyimg.notebook.graph import Graph
    from lazyimg.oci.config import ConfigFile
    from lazyimg.oci.digest import Digest
    from lazyimg.oci.manifest import Manifest
    from lazyimg.write.plan import Plan
    from lazyimg.write.result import Result
    from lazyimg.write.target import Target


@frozen
class Looking(Thunk[ImageState]):
    """An image, as far as it is looked at, forced and written; `lazyimg.Image` adds what it is made with."""

    # --- looking: forces nothing ----------------------------------------------------------------------

    def graph(self) -> "Graph":
        """The thunks it is made of, as a ``networkx.DiGraph`` that shows itself. Forces nothing."""
        from lazyimg.notebook.graph import Graph

        return Graph.of(self)

    def plan(self, *targets: "Target | str", tags: Sequence[str] = (), if_tag: str | None = None) -> "Plan":
        """The steps of a write in their order, touching nothing; the arguments are those of `write`."""
        from lazyimg.write.plan import plan

        return plan(self, targets, tags, if_tag)

    def _repr_html_(self) -> str:
        from lazyimg.image.view import image_html

        return image_html(self)

    # --- forcing --------------------------------------------------------------------------------------

    def digest(self, *, timeout: float | None = None, engine: "Engine | None" = None) -> "Digest":
        """The manifest's digest: reads documents, and local layers to their ends.

        Args:
            timeout: seconds to wait at most for one-shot streams, which only a write consumes.
            engine: by default the current one.
        """
        from lazyimg.write.asking import sealed

        return sealed(self, engine, timeout).descriptor.digest

    def manifest(self, *, timeout: float | None = None, engine: "Engine | None" = None) -> "Manifest":
        """The manifest as it would be written; reads what `digest` reads."""
        from lazyimg.write.asking import manifest

        return manifest(self, engine, timeout)

    def config(self, *, timeout: float | None = None, engine: "Engine | None" = None) -> "ConfigFile":
        """The config as it would be written; reads local layers, whose diff_ids stand in it."""
        from lazyimg.write.asking import config

        return config(self, engine, timeout)

    def layers(self, *, engine: "Engine | None" = None) -> "tuple[Layer, ...]":
        """Its layers, base first: reads documents, and no layer."""
        from lazyimg.image.placed import placed_layers

        return placed_layers(self, engine)

    def validate(self, *, fast: bool = False, engine: "Engine | None" = None) -> "Report":
        """What is right and wrong about it: every digest, size and diff_id, and history against layers.

        Reads documents, and each layer once to its end. What is wrong does not raise: the report lists it,
        and its ``raise_if_wrong()`` raises.

        Args:
            fast: read documents alone, and ask for each blob whether it is there, and of what size.
            engine: by default the current one.
        """
        from lazyimg.image.validate import validate

        return validate(self, fast=fast, engine=engine)

    def compare(
        self, other: "Looking", *, files: bool = False, engine: "Engine | None" = None
    ) -> "Comparison":
        """How another image differs from this one: manifest, config key by key, layers; reads documents.

        Local layers are read, as for `digest`.

        Args:
            other: the other image.
            files: compare the merged filesystems too, which reads every layer of both.
            engine: by default the current one.
        """
        from lazyimg.image.compare import compare

        return compare(self, other, engine, files=files)

    def pin(self, *, engine: "Engine | None" = None) -> Self:
        """The same recipe with every tag replaced by the digest it names now; asks for no more than that."""
        from lazyimg.image.pin import pinned

        return pinned(self, engine)

    def files(self, *, engine: "Engine | None" = None) -> "Files":
        """Its merged filesystem, a mapping from path to file: reads each layer once, into scratch space.

        Args:
            engine: by default the current one.

        Raises:
            InvalidContent: a layer is no tar, or has an entry that cannot be; it is named.
            NobodyConsumes: a layer is a one-shot stream, which only a write consumes.
        """
        from lazyimg.image.files import files

        return files(self, engine)

    def export(self, target: "Export", *, engine: "Engine | None" = None) -> None:
        """Write its merged filesystem as an uncompressed tar; reads what `files` reads.

        Args:
            target: a path, where a whole file appears at the end, or an object with ``write``.
            engine: by default the current one.
        """
        from lazyimg.image.export import export

        export(self, target, engine)

    def size(
        self,
        *,
        uncompressed: bool = False,
        timeout: float | None = None,
        engine: "Engine | None" = None,
    ) -> int:
        """Bytes of manifest, config and layers as they travel; reads what `digest` reads.

        Args:
            uncompressed: bytes of the tars in its layers instead, which reads every layer to its end.
            timeout: as for `digest`.
            engine: by default the current one.
        """
        from lazyimg.image.sizes import tar_bytes
        from lazyimg.write.asking import total_size

        return tar_bytes(self, engine) if uncompressed else total_size(self, engine, timeout)

    def write(
        self,
        *targets: "Target | str",
        tags: Sequence[str] = (),
        if_tag: str | None = None,
        engine: "Engine | None" = None,
    ) -> "Result":
        """Write the image; the sessions with all targets are the first effects.

        Args:
            targets: a registry reference, or a target such as `lazyimg.OCILayout`.
            tags: further tags at each registry.
            if_tag: ``absent`` moves tags only if there are none such, a digest only if they still say it.
            engine: by default the current one.

        Raises:
            TagMoved: a tag is not as ``if_tag`` says; none was moved.
            PermissionError: a target refused: nothing was read of any source.
            StreamSpent: a one-shot stream was read before.
            LazyImgError: and its family, for whatever else failed. The notes of an error say which thunk
                failed, where it was composed, what is in place, and which tags moved.
        """
        from lazyimg.write.writing import write_image

        return write_image(self, targets, tags, if_tag, engine)
