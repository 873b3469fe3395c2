"""Writing to a registry: a session is a begun upload, names are tags."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from lazyimg.content.body import Body
from lazyimg.errors import ContentMismatch, InvalidTarget, NotFound, RegistryError, RegistryUnreachable
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.media_type import is_distributable
from lazyimg.oci.reference import DEFAULT_TAG, Reference
from lazyimg.runtime import Work
from lazyimg.state.contents import Home, Stored
from lazyimg.state.homes import RegistryHome
from lazyimg.state.seal import Sealed
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.write.condition import Condition, as_condition, refuse_moved
from lazyimg.write.record import Placed, Record, TagState
from lazyimg.write.target import Site, SiteSession, Target

if TYPE_CHECKING:
    from lazyimg.oci.digest import Digest
    from lazyimg.registry.session import PushSession
    from lazyimg.registry.uploads.upload import Upload


_FAULT = 500  # HTTP status from which on a registry does not know itself what it did


@frozen
class RegistrySite(Site):
    """A repository of a registry."""

    repository: Reference
    is_remote = True

    def __str__(self) -> str:
        return str(self.repository)

    def holds(self, home: Home) -> bool:
        """Whether it is this repository."""
        return isinstance(home, RegistryHome) and home.repository.name == self.repository.name

    def opening(self, pulls: Sequence[str]) -> str:
        """What opening a session asks."""
        mounts = f", mount from {', '.join(pulls)}" if pulls else ""
        return f"POST an upload to {self}: may we push{mounts}?"

    def open(self, work: Work, pulls: Sequence[str]) -> "SiteSession[RegistryTarget]":
        """Begin an upload: the permission check, and the first step of a push.

        Raises:
            Denied: the registry refuses; nothing else was asked of anyone.
        """
        from lazyimg.registry.session import PushSession  # noqa: PLC0415 - httpx is loaded on use

        client = work.client(self.repository)
        session = PushSession.open(client, self.repository.repository, pulls=tuple(pulls))
        return RegistrySession(self, session)


def _reference(value: Reference | str) -> Reference:
    return Reference.of(value)


def tags_of(value: str | Sequence[str]) -> tuple[str, ...]:
    """One tag, or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


@frozen
class RegistryTarget(Target):
    """An image in a registry, under a tag or more, or by its digest alone.

    A text does where nothing but the reference has to be said.

    Args:
        reference: where; its tag is moved last of all, its digest is what the image must come to.
        tags: further tags of the same repository.
        if_tag: ``absent`` to move the tags only if there are none such; a digest to move them only if they
            all say it; None to move them whatever they say. Asked for just before the tags move, and not
            atomic: registries cannot do that.
        by_digest: move no tag: the image is found by the digest it comes to.

    Raises:
        InvalidReference: the reference is none, or a tag is none.
        InvalidTarget: there is no tag to move, or to put a condition on, where the other arguments want one.

    >>> print(RegistryTarget("ghcr.io/me/app:1", tags=["latest"], if_tag="absent"))
    ghcr.io/me/app:1
    >>> print(RegistryTarget("ghcr.io/me/app", by_digest=True))
    ghcr.io/me/app
    """

    reference: Reference = field(converter=_reference)
    tags: tuple[str, ...] = field(default=(), converter=tags_of)
    if_tag: Condition | None = field(default=None, converter=as_condition, kw_only=True)
    by_digest: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for tag in self.tags:
            self.reference.with_tag(tag)
        named = (*self.tags, *([self.reference.tag] if self.reference.tag not in (None, DEFAULT_TAG) else []))
        if self.by_digest and named:
            raise InvalidTarget(f"{self} is to be written by its digest alone: leave out {', '.join(named)}")
        if self.if_tag is not None and not self.moved:
            raise InvalidTarget(f"{self} moves no tag, so if_tag={self.if_tag} says nothing: name a tag")

    @property
    def site(self) -> RegistrySite:
        """The repository."""
        return RegistrySite(self.reference.without_identifier())

    @property
    def moved(self) -> tuple[str, ...]:
        """The tags that are moved."""
        tags = () if self.by_digest else (self.reference.tag, *self.tags)
        return tuple(dict.fromkeys(tag for tag in tags if tag))

    @property
    def names(self) -> tuple[str, ...]:
        """The digest that the image must have, where the reference names one, and the tags to move."""
        return (*([self.reference.digest] if self.reference.digest else []), *self.moved)

    def __str__(self) -> str:
        return str(self.reference.with_tag(None) if self.by_digest else self.reference)


class RegistrySession:
    """A begun push to one repository."""

    def __init__(self, site: RegistrySite, session: "PushSession") -> None:
        self._site = site
        self._repository = site.repository
        self._session = session
        self._begun: dict[str, Upload] = {}
        self._client = session.client
        self.record = Record()
        self._staged: set[Digest] = set()

    def find(self, descriptor: Descriptor) -> Placed | None:
        """Ask with a HEAD; with another size it is not what was described, which sending it will show."""
        found = self._client.head_blob(self._repository.repository, descriptor.digest)
        return self.record.add(Placed("existing", descriptor)) if found == descriptor.size else None

    def offer(self, blobs: Sequence[Stored]) -> Placed | None:
        """Nothing to do in the same repository; a mount within the registry; else a HEAD."""
        blob = blobs[0].descriptor
        if any(self._site.holds(blob.home) for blob in blobs):
            return self.record.add(Placed("existing", blob))
        if not is_distributable(blob.media_type):
            return self.record.add(Placed("skipped", blob))
        near = next(filter(None, (self._mountable_from(blob.home) for blob in blobs)), None)
        return self.find(blob) if near is None else self._mount(blob, near)

    def _mountable_from(self, home: Home) -> str | None:
        """The repository to mount from, if it is one of the same registry that may be read."""
        if not isinstance(home, RegistryHome) or home.repository.registry != self._site.repository.registry:
            return None
        name = home.repository.repository
        return name if name in self._session.mountable else None

    def _mount(self, blob: Descriptor, repository: str) -> Placed | None:
        upload = self._session.mount(blob.digest, repository)
        if upload is None:
            return self.record.add(Placed("mounted", blob))
        self._begun[blob.digest] = upload
        return None

    def receive(self, body: Body, name: Once[Descriptor], run: Run) -> Placed:
        """Upload while reading; the digest closes the upload. One PUT, if it is known before."""
        if name.state == "known":
            return self._put(body, name.get())
        upload = self._session.begin()
        upload.send(body)
        blob = name.get(check=run.check)
        upload.commit(blob.digest)
        return self._uploaded(blob, upload)

    def put(self, blob: Sealed) -> Placed:
        """Upload bytes at hand in one PUT."""
        return self._put(blob.data, blob.descriptor)

    def _put(self, body: Body | bytes, blob: Descriptor) -> Placed:
        upload = self._begun.pop(blob.digest, None) or self._session.begin()
        upload.put(body, blob.digest, blob.size)
        return self._uploaded(blob, upload)

    def _uploaded(self, blob: Descriptor, upload: "Upload") -> Placed:
        return self.record.add(Placed("uploaded", blob, upload.bytes_sent, upload.attempts))

    def stage(self, root: Sealed, target: RegistryTarget | None) -> None:
        """PUT the manifest under its digest.

        Raises:
            ContentMismatch: the target names a digest and the image came to another; nothing was put.
        """
        self._refuse_other_digest(root, target)
        self._put_as(root, root.descriptor.digest)
        self._staged.add(root.descriptor.digest)

    def prepare(self, root: Sealed, target: RegistryTarget) -> None:
        """Ask where the tags are, if there is a condition on them.

        Raises:
            ContentMismatch: the target names a digest and the image came to another; nothing was put.
            TagMoved: a tag is not as the target says.
        """
        self._refuse_other_digest(root, target)
        if target.if_tag is not None:
            for tag in target.moved:
                refuse_moved(f"{self._repository.name}:{tag}", self._found(tag), target.if_tag)

    def _found(self, tag: str) -> "Digest | None":
        """What a tag says now."""
        try:
            return self._client.head_manifest(self._repository.repository, tag).digest
        except NotFound:
            return None

    def publish(self, root: Sealed, target: RegistryTarget) -> None:
        """PUT the manifest under each tag, or under its digest."""
        for tag in target.moved:
            self._move(tag, root)
        if not target.moved and root.descriptor.digest not in self._staged:
            self._put_as(root, root.descriptor.digest)

    def _refuse_other_digest(self, root: Sealed, target: RegistryTarget | None) -> None:
        expected = None if target is None else target.reference.digest
        if expected not in (None, root.descriptor.digest):
            raise ContentMismatch(
                f"{self._repository.name}@{expected} was to be written, but the image came to "
                f"{root.descriptor.digest}: nothing was put; write to a tag, or by the right digest"
            )

    def _move(self, tag: str, root: Sealed) -> None:
        """PUT the manifest under a tag; if the answer is lost, or is a fault, the tag may have moved."""
        self.record.tags[tag] = "unknown"
        try:
            self._put_as(root, tag)
        except RegistryError as error:
            if error.status < _FAULT:
                self.record.tags[tag] = self._state_after(error, tag, root)
            if not error.is_repeated or self.record.tags[tag] != "moved":
                raise
            self._note_put(root)
        self.record.tags[tag] = "moved"

    def _state_after(self, error: RegistryError, tag: str, root: Sealed) -> TagState:
        """What became of a tag when something was refused: not the first PUT, maybe, or not the PUT."""
        if not error.is_repeated and b'"subject"' not in root.data:
            return "not moved"
        with contextlib.suppress(RegistryError, RegistryUnreachable):
            return "moved" if self._found(tag) == root.descriptor.digest else "not moved"
        return "unknown"

    def _put_as(self, root: Sealed, name: str) -> None:
        self._client.put_manifest(self._repository.repository, name, root.data, root.descriptor.media_type)
        self._note_put(root)

    def _note_put(self, root: Sealed) -> None:
        self.record.add(Placed("uploaded", root.descriptor, len(root.data), 1))

    def abort(self) -> None:
        """Cancel every begun upload."""
        self._session.abort()

    def close(self) -> None:
        """Cancel the begun upload if no blob needed it."""
        self._session.close()
