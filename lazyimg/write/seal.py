"""Sealing as thunks: the pure steps between the bytes that were consumed and the documents that name them."""

from attrs import frozen

from lazyimg.content.identity import Identity
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.state.image_state import ImageState, StateLayer
from lazyimg.state.index_state import IndexState
from lazyimg.state.seal import Sealed, layer_descriptor, seal_config, seal_manifest, sealed
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk


@frozen
class DiffIdOf(Thunk[Digest]):
    """The diff_id of a layer that is consumed."""

    identity: Thunk[Identity]

    def evaluate(self, run: Run) -> Digest:
        """Take it out of the identity."""
        return run.value(self.identity).diff_id


@frozen
class SealConfig(Thunk[Sealed]):
    """Give the edited config its final bytes, once the last diff_id is known.

    Nothing else of an image is part of it, so that images with one config seal, and send, it once.

    Attributes:
        declared: the manifest's descriptor of the config before.
        config: the edited one.
        diff_ids: of all layers, base first.
    """

    declared: Descriptor
    config: Thunk[ConfigFile]
    diff_ids: tuple[Thunk[Digest], ...]

    def evaluate(self, run: Run) -> Sealed:
        """Seal it."""
        diff_ids = [run.value(diff_id) for diff_id in self.diff_ids]
        return seal_config(self.declared, run.value(self.config), diff_ids)


@frozen
class SealManifest(Thunk[Sealed]):
    """Give the manifest its final bytes.

    Attributes:
        state: what it says besides.
        config: the config that was edited; None keeps the manifest's own.
        identities: of the layers that no manifest declared yet, base first.
        subject: what it refers to; None keeps the manifest's own.
        base: what it is based on, where its annotation is to say that.
    """

    state: ImageState
    config: Thunk[Sealed] | None
    identities: tuple[Thunk[Identity], ...]
    subject: Thunk[Sealed] | Descriptor | None
    base: Thunk[Sealed] | None = None

    def evaluate(self, run: Run) -> Sealed:
        """Seal it."""
        known = iter([run.value(identity) for identity in self.identities])

        def described(layer: StateLayer) -> Descriptor:
            return layer.descriptor or layer_descriptor(self.state, layer, next(known))

        config = self.state.manifest.config if self.config is None else run.value(self.config).descriptor
        layers = [described(layer) for layer in self.state.layers]
        base = None if self.base is None else run.value(self.base).descriptor.digest
        return seal_manifest(self.state, config, layers, named(self.subject, run), base)


@frozen
class SealIndex(Thunk[Sealed]):
    """Give the index its final bytes.

    Attributes:
        state: what it says besides.
        children: in the order of its entries; None for one that is kept as declared.
        configs: likewise, where the entry's platform is taken from the child's config.
        subject: what it refers to; None keeps the index's own.
    """

    state: IndexState
    children: tuple[Thunk[Sealed] | None, ...]
    configs: tuple[Thunk[ConfigFile] | None, ...]
    subject: Thunk[Sealed] | Descriptor | None

    def evaluate(self, run: Run) -> Sealed:
        """Seal it."""
        rows = zip(self.state.entries, self.children, self.configs, strict=True)
        index = self.state.index.with_manifests(
            entry.descriptor(
                None if child is None else run.value(child), None if config is None else run.value(config)
            )
            for entry, child, config in rows
        )
        subject = named(self.subject, run)
        return sealed(index if subject is None else index.with_subject(subject))


def named(subject: Thunk[Sealed] | Descriptor | None, run: Run) -> Descriptor | None:
    """The descriptor of what a manifest refers to."""
    if isinstance(subject, Thunk):
        return run.value(subject).descriptor.replace(artifact_type=None)
    return subject
