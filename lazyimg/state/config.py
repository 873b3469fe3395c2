"""The config as a thunk: nobody fetches it unless something needs it."""

from typing import ClassVar, Protocol

from attrs import field, frozen

from lazyimg.errors import InvalidDocument
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.digest import Digest
from lazyimg.state.contents import Stored
from lazyimg.thunk.brief import sized
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

CONFIG_LIMIT = 8 << 20
"""Bytes of a config that are read at most: 8 MiB."""


@frozen
class KnownConfig(Thunk[ConfigFile]):
    """A config whose bytes are at hand."""

    data: bytes = field(repr=sized)

    def evaluate(self, run: Run) -> ConfigFile:  # noqa: ARG002 - known without a run
        """Parse it."""
        return ConfigFile.parse(self.data)


@frozen
class StoredConfig(Thunk[ConfigFile]):
    """A config that rests somewhere: one read, unless the descriptor embeds it as ``data``."""

    effectful: ClassVar[bool] = True

    blob: Stored

    def evaluate(self, run: Run) -> ConfigFile:
        """Read, verify and parse it."""
        descriptor = self.blob.descriptor
        embedded = descriptor.data
        if embedded is not None and Digest.of(embedded, descriptor.digest.algorithm) == descriptor.digest:
            return ConfigFile.parse(embedded)
        return ConfigFile.parse(self.blob.home.fetch(descriptor, CONFIG_LIMIT, run.runtime))


class EditsConfig(Protocol):
    """A pure change of a config; what stands in a key by its own fields."""

    def edit(self, config: ConfigFile) -> ConfigFile:
        """The changed config."""
        ...


@frozen
class EditedConfig(Thunk[ConfigFile]):
    """A config after one change."""

    config: Thunk[ConfigFile]
    by: EditsConfig

    def evaluate(self, run: Run) -> ConfigFile:
        """Apply the change."""
        return self.by.edit(run.value(self.config))


@frozen
class DeclaredDiffId(Thunk[Digest]):
    """The diff_id that a config declares for the layer at ``position``, base first."""

    config: Thunk[ConfigFile]
    position: int
    layers: int

    def evaluate(self, run: Run) -> Digest:
        """Look it up.

        Raises:
            InvalidDocument: the config and its manifest disagree about how many layers there are.
        """
        diff_ids = run.value(self.config).diff_ids
        if len(diff_ids) != self.layers:
            raise InvalidDocument(
                f"the manifest lists {self.layers} layers but rootfs.diff_ids of its config {len(diff_ids)}: "
                "which diff_id belongs to which layer is not known (image-spec config.md, rootfs)"
            )
        return diff_ids[self.position]
