"""Referrers where the registry does not know of them: an index under a tag that is named for the subject.

The tag schema of the distribution-spec ("Referrers Tag Schema"): who pushes a manifest with a subject to a
registry without the referrers API adds it to that index, and who deletes one takes it out. Registries have no
conditional PUT, so two who do it at once may undo each other's change. The index is read again after it was
written, and written again until the own change stands; between the reading and the next one's writing nothing
can be promised.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from attrs import frozen

from lazyimg.errors import (
    ContentMismatch,
    Denied,
    InvalidDocument,
    LazyImgError,
    NotFound,
    RegistryError,
    Unauthorized,
)
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest, parse_manifest
from lazyimg.oci.media_type import OCI_INDEX
from lazyimg.registry.answers import RawManifest
from lazyimg.registry.conversation import Conversation, Question
from lazyimg.registry.endpoints import Endpoints
from lazyimg.registry.lists import pages, referring

_MAY_REFER = b'"subject"'  # a look before the manifest is parsed
_NO_REFERRERS = frozenset({404, 405})
_ROUNDS = 6
_PAUSE = 0.05  # seconds before the index is read again, doubled with each round
_LONGEST = 64  # letters of the digest in the tag, as the tag schema has it


def fallback_tag(subject: Digest) -> str:
    """The tag that lists what refers to ``subject``.

    >>> fallback_tag(Digest("sha256:" + "0" * 64))[:16]
    'sha256-000000000'
    """
    return f"{subject.algorithm[:32]}-{subject.encoded[:_LONGEST]}"


class Manifests(Protocol):
    """Who reads and writes a registry's manifests, as its client does."""

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        """Read one, by a tag or its digest."""

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> Digest:
        """Write one."""


@frozen
class Referrers:
    """The referrers in one repository, as the registry lists them or as fallback tags do.

    Attributes:
        manifests: those of the registry.
        conversation: with the registry.
        endpoints: its endpoints.
        repository: such as ``me/app``.
    """

    manifests: Manifests
    conversation: Conversation
    endpoints: Endpoints
    repository: str

    def of(self, subject: Digest, artifact_type: str | None = None) -> list[Descriptor]:
        """Return what refers to a manifest, of all artifact types or of one.

        Raises:
            RegistryError: the registry refused.
            InvalidDocument: it answered something else, or something else is under the fallback tag.
        """
        answered = self._answered(subject, artifact_type)
        if answered is not None:
            return answered
        entries = self._under_tag(subject).manifests
        return [one for one in entries if artifact_type in {None, one.artifact_type}]

    def _answered(self, subject: Digest, artifact_type: str | None = None) -> list[Descriptor] | None:
        """Return what the registry lists; None of one that has no such list."""

        def ask_for(page: str | None) -> Question:
            return self.endpoints.referrers(self.repository, subject, artifact_type, page)

        try:
            answers = list(pages(self.conversation, ask_for))
        except RegistryError as error:
            if error.status not in _NO_REFERRERS:
                raise
            return None
        return [one for answer in answers for one in referring(answer, artifact_type)]

    @contextmanager
    def without(self, digest: Digest | None) -> Iterator[None]:
        """Take a manifest out of what is listed under its subject's fallback tag, once it is deleted.

        Nothing is asked of a tag (None), and nothing is listed of what has no subject, or cannot be read.
        Where the registry itself lists what refers to the subject, nothing is changed.

        Raises:
            RegistryError: the registry refused, or others kept putting the entry back. A note says so of what
                is deleted by then.
        """
        subject = None if digest is None else self._subject_of(digest)
        yield
        if digest is None or subject is None:
            return
        try:
            if self._answered(subject) is None:
                self._merge(subject, digest, None)
        except LazyImgError as error:
            error.add_note(f"{digest} is deleted, but may still be listed as a referrer of {subject}")
            raise

    def _subject_of(self, digest: Digest) -> Digest | None:
        try:
            raw = self.manifests.get_manifest(self.repository, digest)
        except (NotFound, Denied, Unauthorized, ContentMismatch, InvalidDocument):
            return None  # it may be deleted all the same
        return _entry(raw.data, raw.media_type, digest)[0]

    def add(self, data: bytes, media_type: str, digest: Digest) -> None:
        """List a manifest that was pushed under its subject's fallback tag, if it has a subject.

        Raises:
            RegistryError: the registry refused, or others kept overwriting the entry.
        """
        subject, entry = _entry(data, media_type, digest)
        if subject is not None and entry is not None:
            self._merge(subject, digest, entry)

    def _under_tag(self, subject: Digest) -> Index:
        """The index under the fallback tag; an empty one where there is none, or something else."""
        tag = fallback_tag(subject)
        try:
            raw = self.manifests.get_manifest(self.repository, tag)
        except NotFound:
            return Index.new(media_type=OCI_INDEX)
        try:
            found = parse_manifest(raw.data, raw.media_type)
        except InvalidDocument as error:
            raise InvalidDocument(
                f"cannot read the tag {tag} of {self.repository}, where referrers are listed without an API: "
                f"{error}"
            ) from None
        return found if isinstance(found, Index) else Index.new(media_type=OCI_INDEX)

    def _merge(self, subject: Digest, digest: Digest, entry: Descriptor | None) -> None:
        """Have an entry for ``digest`` under the fallback tag, or none, keeping what others listed."""
        tag = fallback_tag(subject)
        for number in range(_ROUNDS):
            index = self._under_tag(subject)
            listed = [one for one in index.manifests if one.digest == digest]
            if bool(listed) == (entry is not None):
                return
            others = [one for one in index.manifests if one.digest != digest]
            changed = index.with_manifests([*others, entry] if entry is not None else others)
            self.manifests.put_manifest(self.repository, tag, changed.to_bytes(), OCI_INDEX)
            time.sleep(_PAUSE * 2**number if number else 0.0)
        what, then = _GIVEN_UP[entry is not None]
        raise RegistryError(
            f"cannot {what} {digest} as a referrer of {subject} in {self.repository}: the registry has no "
            f"referrers API, and others kept replacing the tag {tag}. {then} when they are done"
        )


_GIVEN_UP = {
    True: ("list", "The manifest itself is there; write it again"),
    False: ("unlist", "Take it out of the index under that tag"),
}


def _entry(data: bytes, media_type: str, digest: Digest) -> tuple[Digest | None, Descriptor | None]:
    """Return what a manifest refers to, and how it is listed; nothing of one without a subject.

    Annotations are pulled up, and the artifact type is that of the config where the manifest names none
    (distribution-spec, "Listing Referrers"). What is of no kind that is known here has no subject that could
    be told.
    """
    try:
        document = parse_manifest(data, media_type) if _MAY_REFER in data else None
    except InvalidDocument:
        return None, None
    if document is None or document.subject is None:
        return None, None
    fallback = document.config.media_type if isinstance(document, Manifest) else None
    entry = Descriptor(
        media_type=media_type,
        digest=digest,
        size=len(data),
        artifact_type=document.artifact_type or fallback,
        annotations=document.annotations,
    )
    return document.subject.digest, entry
