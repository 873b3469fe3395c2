"""The second stage of a write, worked out from the states: static, one thunk a distinct blob.

Pure composing: an `Assembly` is told what goes where and gives the thunk that does it.
"""

from collections.abc import Iterable
from typing import Any

from lazyimg.content.identity import Identity
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.state.contents import Contents
from lazyimg.state.image_state import ImageState, StateLayer, StoredBlob
from lazyimg.state.seal import Sealed
from lazyimg.thunk.thunk import Early, Thunk
from lazyimg.write.consume import Consume
from lazyimg.write.publish import AllInPlace, Finish, Publish, PutConfig
from lazyimg.write.seal import DiffIdOf, SealConfig, SealManifest
from lazyimg.write.target import SiteSession

Session = Thunk[SiteSession]


class Assembly:
    """What is to be consumed and sealed for some images.

    First every image is told with `add`; a blob that several of them share becomes one thunk that reaches
    every site it is needed at. Then `seal` gives each image's manifest.
    """

    def __init__(self) -> None:
        self._layers: dict[str, dict[str, Thunk[Contents]]] = {}
        self._sites: dict[str, dict[str, Session]] = {}
        self._configs: dict[str, PutConfig] = {}

    def add(self, state: ImageState, sessions: Iterable[Session]) -> None:
        """Let the blobs of ``state`` reach ``sessions``; those of what it refers to are only identified."""
        sites = {session.key: session for session in sessions}
        for layer in state.layers:
            self._want(_name(layer), layer.layer, sites)
        for subject in state.lineage[1:]:
            for layer in subject.layers:
                self._want(_name(layer), layer.layer, {})
        if state.config_blob is not None and sites:
            blob = state.config_blob
            self._want(blob.descriptor.digest, StoredBlob(blob), sites)

    def _want(self, name: str, layer: Thunk[Contents], sites: dict[str, Session]) -> None:
        self._layers.setdefault(name, {})[layer.key] = layer
        self._sites.setdefault(name, {}).update(sites)

    def consume(self, name: str) -> Consume:
        """The thunk that consumes the blob of this name."""
        return Consume(tuple(self._layers[name].values()), tuple(self._sites[name].values()))

    def seal(self, state: ImageState, sessions: Iterable[Session] = ()) -> Thunk[Sealed]:
        """The manifest of an image that was added, and on the way its config's upload to ``sessions``."""
        subject: Thunk[Sealed] | Descriptor | None = None
        for older in reversed(state.lineage[1:]):
            subject = self._manifest(older, self._config(older), subject)
        config = self._config(state)
        if config is not None and (sites := tuple(sessions)):
            self._configs[config.key] = self._put(config, sites)
        return self._manifest(state, config, subject)

    def _config(self, state: ImageState) -> Thunk[Sealed] | None:
        return None if state.config_blob is not None else self.seal_config(state)

    def _manifest(
        self, state: ImageState, config: Thunk[Sealed] | None, subject: Thunk[Sealed] | Descriptor | None
    ) -> Thunk[Sealed]:
        new = tuple(self._identity(layer) for layer in state.layers if layer.descriptor is None)
        given = state.subject if isinstance(state.subject, Descriptor) else subject
        return SealManifest(state, config, new, given)

    def _put(self, config: Thunk[Sealed], sites: tuple[Session, ...]) -> PutConfig:
        before = self._configs[config.key].sessions if config.key in self._configs else ()
        return PutConfig(config, tuple(dict.fromkeys((*before, *sites))))

    def seal_config(self, state: ImageState) -> Thunk[Sealed]:
        """The edited config of an image that was added."""
        return SealConfig(state, state.config, tuple(self._diff_id(layer) for layer in state.layers))

    def _diff_id(self, layer: StateLayer) -> Thunk[Digest]:
        return layer.diff_id or DiffIdOf(self._identity(layer))

    def _identity(self, layer: StateLayer) -> Thunk[Identity]:
        return Early(self.consume(_name(layer)))

    def in_place(self) -> AllInPlace:
        """The thunk that has a value once every blob and config is where it has to be."""
        consumed = tuple(self.consume(name) for name, sites in self._sites.items() if sites)
        return AllInPlace((*consumed, *self._configs.values()))


def _name(layer: StateLayer) -> str:
    """What a blob is told apart by: its digest where it is declared, else its recipe."""
    return layer.layer.key if layer.descriptor is None else layer.descriptor.digest


Route = tuple[ImageState, tuple[tuple[Session, tuple[str, ...]], ...]]
"""An image, and the sessions it goes to with the names it gets there."""


def assemble(routes: Iterable[Route]) -> Finish:
    """The second stage of a write of these images."""
    routes = tuple(routes)
    assembly = Assembly()
    for state, ways in routes:
        assembly.add(state, [session for session, _ in ways])
    manifests = [assembly.seal(state, [session for session, _ in ways]) for state, ways in routes]
    in_place = assembly.in_place()
    published = tuple(
        Publish(manifest, session, names, (in_place,))
        for manifest, (_, ways) in zip(manifests, routes, strict=True)
        for session, names in ways
    )
    return Finish(tuple(manifests), published)


def unwritten(state: ImageState) -> Assembly:
    """The sealing of an image that is written nowhere: local layers are read and dropped."""
    assembly = Assembly()
    assembly.add(state, ())
    return assembly


def needed_documents(states: Iterable[ImageState]) -> tuple[Thunk[Any], ...]:
    """The documents that sealing these states will need: the configs that were edited."""
    lineages = (one for state in states for one in state.lineage)
    return tuple(dict.fromkeys(one.config for one in lineages if one.config_blob is None))
