"""The public face of an index: one name for the images of several platforms."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from lazyimg.oci.platform import Platform
from lazyimg.oci.reference import Reference
from lazyimg.state.index_state import IndexState
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from typing import Literal

    from lazyimg.engine import Engine
    from lazyimg.image.image import Image
    from lazyimg.image.index_find import Found
    from lazyimg.image.report import Report
    from lazyimg.notebook.graph import Graph
    from lazyimg.oci.descriptor import Descriptor
    from lazyimg.oci.digest import Digest
    from lazyimg.oci.index import Index as IndexDocument
    from lazyimg.write.plan import Plan
    from lazyimg.write.result import Result
    from lazyimg.write.target import Target


@frozen
class Index(Thunk[IndexState]):
    """An image index (image-spec image-index.md): a thunk for its document and its children.

    Sources and mutations compose, as those of `lazyimg.Image` do; forcing methods and `write` do the work.

    >>> index = Index.empty()
    >>> index.manifest().manifests
    ()
    """

    # --- sources: composing only ----------------------------------------------------------------------

    @staticmethod
    def from_registry(reference: str | Reference) -> "Index":
        """An index of a registry, by tag or digest.

        Raises:
            InvalidReference: the text is no reference. Forced, a reference to an image raises
                `InvalidMutation`.
        """
        from lazyimg.image.index_source import IndexFromRegistry

        return IndexFromRegistry(Reference.of(reference))

    @staticmethod
    def from_layout(path: str | os.PathLike[str], ref: str | None = None) -> "Index":
        """An index of an OCI layout directory.

        Args:
            path: the directory; made absolute now, opened when something is forced.
            ref: a tag or a digest; None for the only one there is.
        """
        from lazyimg.image.from_layout import IndexFromLayout

        return IndexFromLayout(path, ref)

    @staticmethod
    def from_archive(path: str | os.PathLike[str], tag: str | None = None) -> "Index":
        """An index of an archive of an OCI layout.

        Args:
            path: a tar, which may be compressed; made absolute now, opened when something is forced.
            tag: which of several; a digest will do.
        """
        from lazyimg.image.from_archive import IndexFromArchive
        from lazyimg.stores.archive_file import ArchiveFile

        return IndexFromArchive(ArchiveFile(path), tag)

    @staticmethod
    def empty(*, docker: bool = False) -> "Index":
        """An index of nothing.

        Args:
            docker: a Docker manifest list instead of an OCI index.
        """
        from lazyimg.image.index_source import EmptyIndex

        return EmptyIndex(docker)

    @staticmethod
    def random(
        seed: int | str,
        *,
        layers: int = 1,
        size: int = 1024,
        platforms: Sequence[str | Platform] = ("linux/amd64", "linux/arm64"),
    ) -> "Index":
        """An index of random images, one a platform; as `lazyimg.Image.random`."""
        from lazyimg.image.random_source import random_index

        return random_index(seed, layers, size, platforms)

    # --- mutations: composing only --------------------------------------------------------------------

    def add(
        self,
        child: "Image | Index",
        *,
        platform: str | Platform | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> "Index":
        """The index with ``child`` after its own entries.

        Args:
            child: an image or another index.
            platform: of the entry; by default the one in the image's config.
            annotations: of the entry, not of the image.
        """
        from lazyimg.image.index_add import AddChild

        named = Platform.parse(platform) if isinstance(platform, str) else platform
        return AddChild(child, named, annotations or {}, base=self)

    def remove(
        self,
        *,
        platform: str | Platform | None = None,
        digest: str | None = None,
        tag: str | None = None,
    ) -> "Index":
        """The index without the entries of which all that is given is true; there must be one.

        Args:
            platform: what they run on, this very variant; any OS version, unless it names one.
            digest: of their manifests.
            tag: their annotation ``org.opencontainers.image.ref.name``.

        Raises:
            InvalidMutation: nothing is given. Forced, no such entry raises it too, and says what there is.
        """
        from lazyimg.image.entry_choice import meant
        from lazyimg.image.index_remove import RemoveEntries

        return RemoveEntries(meant(platform, digest, tag), base=self)

    def annotate(
        self,
        annotations: Mapping[str, str | None],
        *,
        platform: str | Platform | None = None,
        digest: str | None = None,
        tag: str | None = None,
    ) -> "Index":
        """The index with annotations of its own set, or removed where the value is None.

        Args:
            annotations: by name; those that are not named are kept.
            platform: annotate the entries of this platform instead; see `remove`.
            digest: likewise, the entry of this digest.
            tag: likewise, the entry of this tag.
        """
        from lazyimg.image.entry_choice import meant
        from lazyimg.image.index_annotate import AnnotateEntries, AnnotateIndex

        if platform is digest is tag is None:
            return AnnotateIndex(annotations, base=self)
        return AnnotateEntries(annotations, meant(platform, digest, tag), base=self)

    def with_subject(self, subject: "Image | Index | Descriptor | None") -> "Index":
        """The index as a referrer of another manifest (image-spec image-index.md); None refers to nothing."""
        from lazyimg.image.index_subject import IndexWithSubject

        return IndexWithSubject(subject, base=self)

    def with_media_types(self, family: "Literal['oci', 'docker']", *, lossy: bool = False) -> "Index":
        """The index, and every image in it, of OCI's media types, or of Docker's.

        Args:
            family: ``"oci"`` or ``"docker"``.
            lossy: drop what Docker's lists and manifests cannot say (annotations, subjects, artifactType,
                attestations) instead of refusing when something is forced.
        """
        from lazyimg.image.index_media_types import IndexWithMediaTypes

        return IndexWithMediaTypes(family, lossy, base=self)

    def map(
        self,
        function: "Callable[[Image], Image]",
        *,
        platforms: Sequence[str | Platform] | None = None,
        attestations: "Literal['drop', 'keep']" = "drop",
    ) -> "Index":
        """The index with ``function`` applied to each of its images.

        The function is called once, now, with a stand-in for whichever image it will be; what it composes
        is seen in `graph`, and evaluated for each image.

        Args:
            function: composes: from an image to an image.
            platforms: to which images it is applied; by default to all. The others stay as they are.
            attestations: whether entries that describe the images (platform ``unknown/unknown``) are kept;
                they describe what the images no longer are.
        """
        from lazyimg.image.index_map import mapped

        return mapped(self, function, platforms, attestations)

    def select(self, platform: str | Platform) -> "Image":
        """The image for a platform, chosen as containerd chooses.

        Raises:
            InvalidPlatform: the text is no platform. Forced, a platform that is not there raises
                `PlatformNotFound`, which lists those that are.
        """
        from lazyimg.image.index_select import Select

        return Select(self, Platform.parse(platform) if isinstance(platform, str) else platform)

    # --- looking: forces nothing ----------------------------------------------------------------------

    def graph(self) -> "Graph":
        """The thunks it is made of, as a ``networkx.DiGraph`` that shows itself. Forces nothing."""
        from lazyimg.notebook.graph import Graph

        return Graph.of(self)

    def plan(self, *targets: "Target | str", tags: Sequence[str] = (), if_tag: str | None = None) -> "Plan":
        """The steps of a write in their order, touching nothing."""
        from lazyimg.write.plan import plan

        return plan(self, targets, tags, if_tag)

    def _repr_html_(self) -> str:
        from lazyimg.notebook.thunk import thunk_html

        return thunk_html(self, {"digest": ""})

    # --- forcing --------------------------------------------------------------------------------------

    def digest(self, *, timeout: float | None = None, engine: "Engine | None" = None) -> "Digest":
        """The index's digest: reads documents, and local layers of its images to their ends."""
        from lazyimg.write.asking import sealed

        return sealed(self, engine, timeout).descriptor.digest

    def manifest(self, *, timeout: float | None = None, engine: "Engine | None" = None) -> "IndexDocument":
        """The index as it would be written; reads what `digest` reads."""
        from lazyimg.write.asking import index_document

        return index_document(self, engine, timeout)

    def find(
        self,
        *,
        platform: str | Platform | None = None,
        digest: str | None = None,
        name: str | None = None,
        annotation: "str | tuple[str, str] | None" = None,
        engine: "Engine | None" = None,
    ) -> "tuple[Found, ...]":
        """The entries of which all that is given is true, to any depth; reads what `manifest` reads.

        Args:
            platform: one that they serve, as containerd matches.
            digest: of their manifests.
            name: their annotation ``org.opencontainers.image.ref.name``.
            annotation: one that they have: its name, or name and value.
            engine: by default the current one.

        Returns:
            For each its descriptor, and the image or index; none if there is none.
        """
        from lazyimg.image.index_find import find, wanted

        return find(self, wanted(platform, digest, name, annotation), engine)

    def validate(self, *, fast: bool = False, engine: "Engine | None" = None) -> "Report":
        """What is right and wrong about it and about each image in it; see `lazyimg.Image.validate`."""
        from lazyimg.image.index_validate import validate_index

        return validate_index(self, fast=fast, engine=engine)

    def pin(self, *, engine: "Engine | None" = None) -> "Index":
        """The same recipe with every tag replaced by the digest it names now; see `lazyimg.Image.pin`."""
        from lazyimg.image.pin import pinned

        return pinned(self, engine)

    def write(
        self,
        *targets: "Target | str",
        tags: Sequence[str] = (),
        if_tag: str | None = None,
        engine: "Engine | None" = None,
    ) -> "Result":
        """Write the index with all it reaches, children first; see `lazyimg.Image.write`."""
        from lazyimg.write.writing import write_image

        return write_image(self, targets, tags, if_tag, engine)
