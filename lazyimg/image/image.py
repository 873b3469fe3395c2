"""The public face of an image."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import evolve, frozen

from lazyimg.content.compression import GZIP, Compression
from lazyimg.image.keep import KEEP, Keep
from lazyimg.image.looking import Looking
from lazyimg.oci.platform import Platform
from lazyimg.oci.reference import Reference
from lazyimg.thunk.origin import here

if TYPE_CHECKING:
    from lazyimg.image.edit_config import Edit
    from lazyimg.image.index import Index
    from lazyimg.image.layer import Layer
    from lazyimg.image.layer_choice import Which
    from lazyimg.image.mutation import Mutation
    from lazyimg.oci.descriptor import Descriptor
    from lazyimg.oci.history import History

M = TypeVar("M", bound="Mutation")


@frozen
class Image(Looking):
    """A container image: a thunk for its manifest, config and layers.

    Sources (`from_registry`, `empty`) and mutations (`append`, `configure`, ...) compose: they return a new
    image at once and touch nothing. Forcing methods (`digest`, `manifest`, ...) and `write` do the work.

    >>> image = Image.empty().configure(env={"MODE": "prod"}, user="1000")
    >>> image.config().env
    ('MODE=prod',)
    """

    # --- sources: composing only ----------------------------------------------------------------------

    @staticmethod
    def from_registry(reference: str | Reference, platform: str | Platform | None = None) -> "Image":
        """An image of a registry, by tag or digest.

        Args:
            reference: such as ``ghcr.io/me/app:1`` or ``python@sha256:...``.
            platform: which image of an index, such as ``linux/arm64``. Without it, an index raises
                `PlatformNotFound` when it is read, and says what there is: nothing is picked silently.

        Raises:
            InvalidReference: the text is no reference.
            InvalidPlatform: the text is no platform.
        """
        from lazyimg.image.from_registry import FromRegistry

        named = Reference.of(reference)
        return FromRegistry(named, Platform.parse(platform) if isinstance(platform, str) else platform)

    @staticmethod
    def from_layout(
        path: str | os.PathLike[str], ref: str | None = None, platform: str | Platform | None = None
    ) -> "Image":
        """An image of an OCI layout directory.

        Args:
            path: the directory; made absolute now, opened when something is forced.
            ref: a tag (the annotation ``org.opencontainers.image.ref.name``) or a digest; None for the only
                image there is.
            platform: which image of an index; as for `from_registry`.
        """
        from lazyimg.image.from_layout import FromLayout

        return FromLayout(path, ref, Platform.parse(platform) if isinstance(platform, str) else platform)

    @staticmethod
    def from_archive(
        path: str | os.PathLike[str], tag: str | None = None, platform: str | Platform | None = None
    ) -> "Image":
        """An image of an archive: of an OCI layout, or of ``docker save``, told apart by what is in it.

        Args:
            path: a tar, which may be compressed; made absolute now, opened when something is forced.
            tag: which of several images, such as ``app:1``; a digest will do.
            platform: which image of an index; as for `from_registry`.
        """
        from lazyimg.image.from_archive import FromArchive
        from lazyimg.stores.archive_file import ArchiveFile

        named = Platform.parse(platform) if isinstance(platform, str) else platform
        return FromArchive(ArchiveFile(path), tag, named)

    @staticmethod
    def from_daemon(name: str, platform: str | Platform | None = None, *, host: str | None = None) -> "Image":
        """An image of the docker daemon, or of podman's service, over its Unix socket.

        Args:
            name: as the daemon knows it, such as ``app:latest``, or its id.
            platform: which image, where the daemon has several under the name.
            host: ``unix:///path``; by default, when forced, DOCKER_HOST or the usual sockets.
        """
        from lazyimg.image.from_daemon import FromDaemon
        from lazyimg.stores.daemon import Daemon, DaemonImage

        named = Platform.parse(platform) if isinstance(platform, str) else platform
        return FromDaemon(DaemonImage(name, Daemon(host)), None, named)

    @staticmethod
    def empty(platform: str | Platform = "linux/amd64", *, docker: bool = False) -> "Image":
        """An image without layers.

        Args:
            platform: what its config says it runs on.
            docker: Docker's media types instead of OCI's.
        """
        from lazyimg.image.empty import Empty

        return Empty(Platform.parse(platform) if isinstance(platform, str) else platform, docker)

    @staticmethod
    def random(
        seed: int | str, *, layers: int = 1, size: int = 1024, platform: str | Platform = "linux/amd64"
    ) -> "Image":
        """An image of random bytes, the same everywhere for the same seed: for tests and trials.

        Args:
            seed: tells one from another.
            layers: how many.
            size: bytes of the file in each.
            platform: what its config says it runs on.
        """
        from lazyimg.image.random_source import random_image

        return random_image(seed, layers, size, platform)

    # --- mutations: composing only --------------------------------------------------------------------

    def append(
        self,
        *layers: "Layer",
        history: "History | Sequence[History]" = (),
        annotations: Mapping[str, str] | None = None,
        media_type: str | None = None,
        urls: Sequence[str] = (),
    ) -> "Image":
        """The image with ``layers`` on top of its own; or with ``history`` alone, of empty layers.

        Args:
            layers: the lowest first. None is read before it is consumed by a write.
            history: entries of the config's history: one a layer, by default, and any of ``empty_layer``. An
                image that has layers and no history stays without.
            annotations: of each new layer's descriptor.
            media_type: of each new layer's descriptor; by default what its bytes are, in the image's family.
            urls: of each new layer's descriptor: where else it may be downloaded.

        Raises:
            InvalidMutation: the history tells of more or fewer layers.
        """
        from lazyimg.image.append import Append

        return Append(layers, history, annotations or {}, media_type, urls, base=self)

    def configure(  # noqa: PLR0913 - the fields of a config, all by name
        self,
        *,
        env: Mapping[str, str | None] | Keep | None = KEEP,
        entrypoint: Sequence[str] | Keep | None = KEEP,
        cmd: Sequence[str] | Keep | None = KEEP,
        user: str | Keep | None = KEEP,
        workdir: str | Keep | None = KEEP,
        labels: Mapping[str, str | None] | Keep | None = KEEP,
        exposed_ports: Iterable[str] | Keep | None = KEEP,
        volumes: Iterable[str] | Keep | None = KEEP,
        stop_signal: str | Keep | None = KEEP,
        healthcheck: Mapping[str, Any] | Keep | None = KEEP,
        created: datetime | Keep | None = KEEP,
        author: str | Keep | None = KEEP,
        os: str | Keep = KEEP,
        architecture: str | Keep = KEEP,
        variant: str | Keep | None = KEEP,
    ) -> "Image":
        """The image with fields of its config changed (image-spec config.md).

        What is not named is kept, None removes. ``entrypoint=`` leaves ``cmd`` as it is, unlike a
        Dockerfile's ENTRYPOINT.

        Args:
            env: variables to set, and with None to remove; the others are kept.
            entrypoint: the whole list.
            cmd: the whole list.
            user: ``user[:group]``, names or numbers.
            workdir: an absolute path in the image.
            labels: labels to set, and with None to remove; the others are kept.
            exposed_ports: the whole set, such as ``["8080/tcp"]``.
            volumes: the whole set of paths.
            stop_signal: such as ``SIGTERM``.
            healthcheck: Docker's object, durations in nanoseconds.
            created: with a time zone.
            author: name or address.
            os: such as ``linux``.
            architecture: such as ``arm64``.
            variant: such as ``v8``.

        Raises:
            InvalidMutation: ``os`` or ``architecture`` was to be removed.
        """
        from lazyimg.image.configure import Configure

        given = {name: value for name, value in locals().items() if name not in ("self", "Configure")}
        return Configure(given, base=self)

    def edit_config(self, function: "Edit", *, key: str | None = None) -> "Image":
        """The image with its config replaced by what ``function`` makes of it.

        Args:
            function: pure, from ``ConfigFile`` to ``ConfigFile``. ``rootfs`` is not its matter: sealing
                writes the layers' diff_ids, which may not be known yet when it is called.
            key: what tells this edit from others in keys; random unless given.
        """
        from lazyimg.image.edit_config import EditConfig
        from lazyimg.thunk.key import Opaque

        opaque = Opaque(function) if key is None else Opaque(function, token=key)
        return EditConfig(opaque, base=self)

    def annotate(
        self, annotations: Mapping[str, str | None], *, layers: "Which | Sequence[Which] | None" = None
    ) -> "Image":
        """The image with annotations of its manifest set, or removed where the value is None.

        Args:
            annotations: by name; those that are not named are kept.
            layers: annotate the descriptors of these layers instead, named as for `drop_layers`.
        """
        from lazyimg.image.annotate import Annotate
        from lazyimg.image.annotate_layers import AnnotateLayers
        from lazyimg.image.layer_choice import choices

        if layers is None:
            return Annotate(annotations, base=self)
        return AnnotateLayers(annotations, choices(layers), base=self)

    def with_created(self, created: datetime | None) -> "Image":
        """The image with another creation time, which has a time zone; None removes it."""
        from lazyimg.image.created import WithCreated

        return WithCreated(created, base=self)

    def with_subject(self, subject: "Image | Index | Descriptor | None") -> "Image":
        """The image as a referrer of another (image-spec manifest.md, "subject"); None refers to nothing."""
        from lazyimg.image.subject import WithSubject

        return WithSubject(subject, base=self)

    def with_platform(self, platform: str | Platform) -> "Image":
        """The image for another platform: all of os, architecture, variant, OS version and features."""
        from lazyimg.image.with_platform import WithPlatform

        return WithPlatform(Platform.parse(platform) if isinstance(platform, str) else platform, base=self)

    def with_media_types(self, family: "Literal['oci', 'docker']", *, lossy: bool = False) -> "Image":
        """The image with manifest, config and layers of OCI's media types, or of Docker's.

        Args:
            family: ``"oci"`` or ``"docker"``.
            lossy: drop what Docker's manifests cannot say (annotations, subject, artifactType), instead of
                refusing when something is forced. A zstd layer is refused in any case.
        """
        from lazyimg.image.media_types import WithMediaTypes

        return WithMediaTypes(family, lossy, base=self)

    def with_config_media_type(self, media_type: str) -> "Image":
        """The image with its config said to be of another media type; the config's bytes are kept."""
        from lazyimg.image.config_media_type import WithConfigMediaType

        return WithConfigMediaType(media_type, base=self)

    def with_artifact_type(self, artifact_type: str | None) -> "Image":
        """The image with ``artifactType`` in its manifest; None removes it."""
        from lazyimg.image.artifact_type import WithArtifactType

        return WithArtifactType(artifact_type, base=self)

    def drop_layers(self, *which: "Which", key: str | None = None) -> "Image":
        """The image without some of its layers, and without the history that tells of them.

        Args:
            which: positions (0 is the base, -1 the topmost), slices, or functions from a layer's descriptor
                to a bool. A layer of this machine has none before it is read: name it by position.
            key: what tells these functions from others in keys; random unless given.
        """
        from lazyimg.image.drop_layers import DropLayers
        from lazyimg.image.layer_choice import choices

        return DropLayers(choices(which, key), base=self)

    def rebase(self, old_base: "Image", new_base: "Image") -> "Image":
        """The image with the layers of the base it was built on exchanged for those of another, none read.

        History follows; platform comes from the new base, all else of config and manifest stays, and the
        annotations ``org.opencontainers.image.base.*`` say what it is based on.

        Args:
            old_base: what it was built on. Forced, `InvalidMutation` says which layer is another.
            new_base: what it shall be based on.
        """
        from lazyimg.image.rebase import Rebase

        return Rebase(old_base, new_base, base=self)

    def with_base(self, new_base: "Image") -> "Image":
        """The same mutations on another base: the recipe with its source replaced wherever it stands."""
        from lazyimg.image.with_base import rebuilt

        return rebuilt(self, new_base)

    def flatten(self, *, compression: Compression = GZIP) -> "Image":
        """The image with all its layers merged into one, which is made when it is consumed."""
        from lazyimg.image.flatten import Flatten

        return Flatten(compression, base=self)

    def squash(self, from_layer: int | str, *, compression: Compression = GZIP) -> "Image":
        """The image with its upper layers merged into one; those below are neither changed nor read.

        Args:
            from_layer: the lowest layer that is merged: its position, base first (negative: counted from
                the top), or its digest as the manifest declares it.
            compression: part of the new layer's digest.
        """
        from lazyimg.image.squash import Squash

        return Squash(from_layer, compression, base=self)

    def with_times(self, time: datetime | float) -> "Image":
        """The image with one time for every file in its layers, its config and its history.

        Args:
            time: with a time zone, or in seconds since 1970 UTC.
        """
        from lazyimg.image.times import WithTimes

        return WithTimes(time, base=self)

    def canonical(self) -> "Image":
        """The image saying nothing of when and on which machine it was built; all times are 1970."""
        from lazyimg.image.canonical import Canonical

        return Canonical(base=self)

    def recompress(self, compression: Compression) -> "Image":
        """The image with its layers compressed in another way; its config stays the same."""
        from lazyimg.image.recompress import Recompress

        return Recompress(compression, base=self)

    def apply(self, mutation: M) -> M:
        """The image changed by a mutation of one's own; see `lazyimg.Mutation`."""
        applied = evolve(mutation, base=self)
        object.__setattr__(applied, "origin", here())  # evolve's own frame is no line of the user's
        return applied
