"""The second stage of a write, worked out from the states: static, one thunk a distinct blob.

Pure composing: an `Assembly` is told what goes where and gives the thunk that does it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from lazyimg.content.identity import Identity
from lazyimg.errors import InvalidTarget
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.state.contents import Contents
from lazyimg.state.image_state import ImageState, StateLayer, StoredBlob
from lazyimg.state.index_state import Entry, IndexState, State
from lazyimg.state.seal import Sealed
from lazyimg.thunk.thunk import Early, Thunk, traced
from lazyimg.write.consume import Consume
from lazyimg.write.documents import Known, lineage, sites_to_reach
from lazyimg.write.publish import AllInPlace, Finish, Prepare, Publish, PutConfig, Stage
from lazyimg.write.seal import DiffIdOf, SealConfig, SealIndex, SealManifest
from lazyimg.write.sharing import read_often
from lazyimg.write.target import OpenSession, Target

if TYPE_CHECKING:
    from lazyimg.content.copies import Copies
    from lazyimg.oci.config import ConfigFile

Sessions = tuple[OpenSession, ...]
Subject = Thunk[Sealed] | Descriptor | None


@frozen(eq=False)
class _Child:
    """A child of an index that has to be sent: after all blobs, and an index after its own children."""

    manifest: Thunk[Sealed]
    sessions: Sessions
    state: State


class Assembly:
    """What is to be consumed and sealed for some images and indexes.

    First each is told with `add`; a blob that several of them share becomes one thunk that reaches every
    site it is needed at. Then `seal` gives each one's manifest.

    Args:
        known: the documents that were read.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._layers: dict[str, dict[str, Thunk[Contents]]] = {}
        self._sites: dict[str, dict[str, OpenSession]] = {}
        self._configs: dict[str, PutConfig] = {}
        self._children: list[_Child] = []
        self._within: dict[int, tuple[_Child, ...]] = {}

    # --- blobs ----------------------------------------------------------------------------------------

    def add(self, state: State, sessions: Sessions) -> None:
        """Let the blobs of ``state`` reach ``sessions``; those of what it names are only identified."""
        for one in lineage(state):
            self._add(one, sessions if one is state else ())

    def _add(self, state: State, sessions: Sessions) -> None:
        if isinstance(state, IndexState):
            for _, child, reach in self._to_write(state, sessions):
                self.add(child, reach)
            return
        for layer in state.layers:
            self._want(_name(layer), layer.layer, sessions)
        if state.config_blob is not None and sessions:
            config = traced(StoredBlob(state.config_blob), state.config.origin)
            self._want(state.config_blob.descriptor.digest, config, sessions)

    def _to_write(self, state: IndexState, sessions: Sessions) -> Iterator[tuple[Entry, State, Sessions]]:
        """The entries that have to be sent somewhere, or sealed anew, with their states."""
        for entry in state.entries:
            if entry.child.key in self._known:
                yield entry, self._known[entry.child.key], sites_to_reach(entry, sessions)

    def _want(self, name: str, layer: Thunk[Contents], sessions: Sessions) -> None:
        self._layers.setdefault(name, {})[layer.key] = layer
        self._sites.setdefault(name, {}).update((session.key, session) for session in sessions)

    def read_often(self) -> frozenset[str]:
        """The keys of the layers that are read more than once, by sites and by layers made of them."""
        return read_often(layer for layers in self._layers.values() for layer in layers.values())

    def consume(self, name: str) -> Consume:
        """The thunk that consumes the blob of this name."""
        return Consume(tuple(self._layers[name].values()), tuple(self._sites[name].values()))

    def blobs_in_place(self) -> AllInPlace:
        """The thunk that has a value once every blob and config is where it has to be."""
        consumed = tuple(self.consume(name) for name, sites in self._sites.items() if sites)
        return AllInPlace((*consumed, *self._configs.values()))

    def all_in_place(self) -> AllInPlace:
        """The thunk that has a value once what any manifest refers to is in place, manifests included."""
        blobs = self.blobs_in_place()
        staged: dict[int, tuple[Stage, ...]] = {}
        for child in self._children:
            within = (stage for one in self._within.get(id(child.state), ()) for stage in staged[id(one)])
            after = (blobs, *within)
            staged[id(child)] = tuple(Stage(child.manifest, one, None, after) for one in child.sessions)
        return AllInPlace((blobs, *_union((), (stage for stages in staged.values() for stage in stages))))

    # --- documents ------------------------------------------------------------------------------------

    def seal(self, state: State, sessions: Sessions = ()) -> Thunk[Sealed]:
        """The manifest of what was added; on the way its config and its children are sent."""
        sealed: dict[int, Thunk[Sealed]] = {}
        for one in lineage(state):
            sealed[id(one)] = self._seal(one, sessions if one is state else (), sealed)
        return sealed[id(state)]

    def _seal(self, state: State, sessions: Sessions, named: Mapping[int, Thunk[Sealed]]) -> Thunk[Sealed]:
        subject = state.subject if isinstance(state.subject, Descriptor) else named.get(id(state.subject))
        if isinstance(state, IndexState):
            return self._seal_index(state, sessions, subject)
        config = self.seal_config(state) if state.config_blob is None else None
        if config is not None and sessions:
            before = self._configs[config.key].sessions if config.key in self._configs else ()
            self._configs[config.key] = PutConfig(config, _union(before, sessions))
        new = tuple(self._identity(layer) for layer in state.layers if layer.descriptor is None)
        alone = evolve(state, subject=None, based_on=None)  # a key of all that it names in turn would be deep
        return SealManifest(alone, config, new, subject, named.get(id(state.based_on)))

    def seal_config(self, state: ImageState) -> Thunk[Sealed]:
        """The edited config of an image that was added."""
        diff_ids = tuple(self._diff_id(layer) for layer in state.layers)
        return SealConfig(state.manifest.config, state.config, diff_ids)

    def _diff_id(self, layer: StateLayer) -> Thunk[Digest]:
        return layer.diff_id or DiffIdOf(self._identity(layer))

    def _identity(self, layer: StateLayer) -> Thunk[Identity]:
        return Early(self.consume(_name(layer)))

    def _seal_index(self, state: IndexState, sessions: Sessions, subject: Subject) -> Thunk[Sealed]:
        sealed: dict[str, Thunk[Sealed]] = {}
        configs: dict[str, Thunk[ConfigFile]] = {}
        own: list[_Child] = []
        for entry, child, reach in self._to_write(state, sessions):
            manifest = self.seal(child, reach)
            if reach:
                own.append(_Child(manifest, reach, child))
            if entry.home is None:
                sealed[entry.child.key] = manifest
            if entry.needs_platform and isinstance(child, ImageState) and child.is_image:
                configs[entry.child.key] = child.config
        children = tuple(
            sealed.get(entry.child.key) if entry.home is None else None for entry in state.entries
        )
        platforms = tuple(
            configs.get(entry.child.key) if entry.needs_platform else None for entry in state.entries
        )
        self._children += own
        self._within[id(state)] = tuple(own)
        return SealIndex(evolve(state, subject=None), children, platforms, subject)


def _union(before: Iterable[Thunk[Any]], more: Iterable[Thunk[Any]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*before, *more)))


def _name(layer: StateLayer) -> str:
    """What a blob is told apart by: its digest where it is declared, else its recipe."""
    return layer.layer.key if layer.descriptor is None else layer.descriptor.digest


Ways = tuple[tuple[OpenSession, Target], ...]
"""The sessions that an image goes to, with the targets that say its names there."""


def assemble(routes: Iterable[tuple[State, Ways]], known: Known, copies: "Copies") -> Finish:
    """The second stage of a write of these images and indexes.

    Args:
        routes: the states, and where each goes.
        known: the documents that were read.
        copies: are told which layers are read more than once.

    Raises:
        InvalidTarget: a site cannot hold what it is to be given.
    """
    reaching = [(state, ways, _union((), (session for session, _ in ways))) for state, ways in routes]
    assembly = Assembly(known)
    for state, _, sessions in reaching:
        _refuse_unfit(state, sessions)
        assembly.add(state, sessions)
    copies.expect(assembly.read_often())
    manifests = [assembly.seal(state, sessions) for state, _, sessions in reaching]
    goals = [
        (manifest, session, target)
        for manifest, (_, ways, _) in zip(manifests, reaching, strict=True)
        for session, target in ways
    ]
    in_place = assembly.all_in_place()
    if len(goals) > 1:
        in_place = AllInPlace(tuple(Stage(*goal, (in_place,)) for goal in goals))
    ready = AllInPlace(tuple(Prepare(*goal, (in_place,)) for goal in goals))
    return Finish(tuple(manifests), tuple(Publish(*goal, (ready,)) for goal in goals))


def _refuse_unfit(state: State, sessions: Sessions) -> None:
    """Refuse an index or artifact, before a byte of it is read, where there can be images only."""
    if isinstance(state, ImageState) and state.is_image:
        return
    for session in sessions:
        if session.site.images_only:
            what = (
                "an index: write the image of one platform, select() gives it"
                if isinstance(state, IndexState)
                else "an artifact, whose config is no image's"
            )
            raise InvalidTarget(
                f"{session.site} holds images only, and this is {what}; an OCI layout holds any"
            )
