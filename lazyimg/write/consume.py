"""Consuming one distinct blob: read once, and brought to every site that needs it.

The identity of a layer is published as soon as its last byte was read, before the uploads are
acknowledged, so that the config can go ahead (law 6).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from attrs import frozen

from lazyimg.content.counters import Counters
from lazyimg.content.identity import Identity
from lazyimg.content.limits import Limits
from lazyimg.content.pipeline import OnePass, Pass
from lazyimg.errors import ContentMismatch, IdentityTimeout
from lazyimg.oci.descriptor import Descriptor
from lazyimg.state.contents import Contents, Local, Named, Stored, counts_itself
from lazyimg.state.reading import readable
from lazyimg.state.seal import blob_descriptor
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Early, Thunk
from lazyimg.write.delivery import Check, Delivery
from lazyimg.write.inside import Inside
from lazyimg.write.record import Placed
from lazyimg.write.stored_pass import NamedPass, StoredPass
from lazyimg.write.streams import identities_of, one_shots
from lazyimg.write.target import SiteSession

if TYPE_CHECKING:
    from lazyimg.runtime import Work

C = TypeVar("C", bound=Contents)


@frozen
class Consume(Thunk[None]):
    """Bring a blob to the sites that need it.

    Attributes:
        layers: what gives its contents; several only for a blob that rests in several homes.
        sessions: where it has to be; none to learn its identity alone.
    """

    effectful: ClassVar[bool] = True

    layers: tuple[Thunk[Contents], ...]
    sessions: tuple[Thunk[SiteSession[Any]], ...] = ()

    @property
    def urgency(self) -> int:
        """One-shot streams first: somebody is writing to them."""
        return 2 if one_shots(self.layers) else 0

    def evaluate(self, run: Run) -> None:
        """Read and send, or find that there is nothing to do.

        Raises:
            BaseException: what the source or a session raised, with a note of where the layer was composed.
        """
        try:
            self._bring(run)
        except Exception as error:
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        for layer in self.layers:
            where = f", composed at {layer.origin}" if layer.origin else ""
            error.add_note(f"while consuming {layer!r}{where}")

    def _bring(self, run: Run) -> None:
        sessions = [run.value(session) for session in self.sessions]
        contents = [run.value(layer) for layer in self.layers]
        stored = [found for found in contents if isinstance(found, Stored)]
        local = [found for found in contents if isinstance(found, Local)]
        named = next((found for found in stored if isinstance(found, Named)), None)
        if named is not None:
            self._copy_named(run, named, sessions)
        elif stored:
            self._copy(run, stored, sessions)
        elif local[0].given is not None:
            self._send_vouched(run, local[0], local[0].given, sessions)
        elif sessions or not self._is_known(run):
            self._read(run, local[0], sessions)

    def _is_known(self, run: Run) -> bool:
        """Whether it was consumed, or is, by another run, whose matter streams are: then its identity is."""
        work: Work = run.runtime
        cells = [cells.cell(layer.key) for layer in self.layers for cells in identities_of(layer)]
        known = [cell for cell in cells if cell.state == "known" or not work.sessions]
        for cell in known:
            run.publish(Early(self), self._awaited(cell, run))
        return bool(known)

    def _awaited(self, cell: Once[Identity], run: Run) -> Identity:
        patience = run.runtime.patience
        try:
            return cell.get(patience, run.check)
        except TimeoutError as error:
            if cell.state == "failed":
                raise
            raise IdentityTimeout(f"after {patience:g} s nothing had consumed {self.layers[0]!r}") from error

    def _copy(self, run: Run, blobs: Sequence[Stored], sessions: Sequence[SiteSession[Any]]) -> None:
        """Bring in a blob that rests somewhere: without its bytes where that can be."""
        missing = self._missing(run, blobs, sessions)
        if missing:
            delivery = Delivery[Descriptor](
                run, missing, lambda _: StoredPass(self._readable(run, blobs[0]), run)
            )
            self._tell_all(run, delivery.run(lambda name: name, known=blobs[0].descriptor))

    def _missing(
        self, run: Run, blobs: Sequence[Stored], sessions: Sequence[SiteSession[Any]]
    ) -> list[SiteSession[Any]]:
        """The sessions that need the blob's bytes."""
        offered = [(session, self._tell(run, session.offer(blobs))) for session in sessions]
        return [session for session, placed in offered if placed is None]

    def _copy_named(self, run: Run, blob: Named, sessions: Sequence[SiteSession[Any]]) -> None:
        """Bring in a blob that a user named; what is not known of it is learned from its bytes."""
        if blob.identity is not None:
            self._make_known(run, blob.identity)
            self._copy(run, [blob], sessions)
            return
        missing = self._missing(run, [blob], sessions)
        read = self._readable(run, blob)
        delivery = Delivery[Identity](run, missing, lambda _: NamedPass(read, run))
        self._tell_all(run, delivery.run(lambda end: self._name(run, end), known=blob.descriptor))

    def _send_vouched(
        self, run: Run, local: Local, given: Identity, sessions: Sequence[SiteSession[Any]]
    ) -> None:
        """Send a blob whose identity the user vouches for, to the sites that do not have it."""
        self._make_known(run, given)
        found = [(session, self._tell(run, session.find(blob_descriptor(given)))) for session in sessions]
        missing = [session for session, placed in found if placed is None]
        if missing:
            self._read(run, local, missing, known=blob_descriptor(given))

    def _read(
        self, run: Run, local: Local, sessions: Sequence[SiteSession[Any]], known: Descriptor | None = None
    ) -> None:
        """Read local bytes once, into every session."""
        local = self._readable(run, local)
        delivery = Delivery[Identity](
            run,
            sessions,
            lambda check: _pass_over(local, run.runtime, check),
            one_shot=local.source.one_shot,
            spool=local.spool,
        )
        self._tell_all(run, delivery.run(lambda end: self._name(run, _verified(local, end)), known))

    def _readable(self, run: Run, contents: C) -> C:
        """Contents of one of the layers as they are read, if layers made of it read them, too."""
        key = next(layer.key for layer in self.layers if run.value(layer) is contents)
        return cast("C", readable(contents, key, run))

    def _name(self, run: Run, identity: Identity) -> Descriptor:
        self._make_known(run, identity)
        return blob_descriptor(identity)

    def _tell(self, run: Run, placed: Placed | None) -> Placed | None:
        if placed is not None:
            self._tell_all(run, [placed])
        return placed

    def _tell_all(self, run: Run, all_placed: Sequence[Placed]) -> None:
        for placed in all_placed:
            run.tell(
                self,
                placed.how,
                digest=str(placed.descriptor.digest),
                size=placed.descriptor.size,
                bytes_sent=placed.bytes_sent,
                attempts=placed.attempts,
            )

    def _make_known(self, run: Run, identity: Identity) -> None:
        run.publish(Early(self), identity)
        for layer in self.layers:
            for cells in identities_of(layer):
                cells.cell(layer.key).set(identity)


def _pass_over(local: Local, work: "Work", check: Check) -> OnePass[Identity]:
    source = Inside(local.source)
    counters = Counters() if counts_itself(local.source) else work.counters
    if local.compression is not None:
        return Pass(source, local.compression, check, counters)
    return _pass_over_blob(source, local.given, work.limits, counters, check)


def _verified(local: Local, identity: Identity) -> Identity:
    """What was read, if it is what a document said.

    Raises:
        ContentMismatch: it has another diff_id.
    """
    if local.diff_id is not None and local.diff_id != identity.diff_id:
        raise ContentMismatch(
            f"{local.source.describe()} has the diff_id {identity.diff_id}, but the config of its image says "
            f"{local.diff_id}: it is damaged, or was changed while it was read"
        )
    return identity


def _pass_over_blob(
    source: Inside, given: Identity | None, limits: Limits, counters: Counters, check: Check
) -> OnePass[Identity]:
    """A pass over what is kept as it is, held against what a user vouched for."""
    from lazyimg.content.blob_pass import BlobPass, Expected  # noqa: PLC0415 - isal on use

    expected = None if given is None else Expected(given.digest, given.diff_id, given.size)
    return BlobPass(source, check, counters, expected=expected, limits=limits)
