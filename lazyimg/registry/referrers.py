"""Referrers where the registry does not know of them: an index under a tag that is named for the subject.

The tag schema of the distribution-spec ("Referrers Tag Schema"): who pushes a manifest with a subject to a
registry without the referrers API adds it to that index. Registries have no conditional PUT, so two who do it
at once may undo each other's entry. The index is read again after it was written, and written again until the
own entry stands; between the reading and the next one's writing nothing can be promised.
"""

import time
from typing import TYPE_CHECKING

from attrs import frozen

from lazyimg.errors import InvalidDocument, NotFound, RegistryError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest, parse_manifest
from lazyimg.oci.media_type import OCI_INDEX
from lazyimg.registry.conversation import Conversation, Question
from lazyimg.registry.endpoints import Endpoints
from lazyimg.registry.lists import pages, referring

if TYPE_CHECKING:
    from lazyimg.registry.client import Client

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


@frozen
class Asking:
    """What it takes to ask a repository for referrers.

    Attributes:
        client: the client of the registry.
        conversation: its conversation.
        endpoints: its endpoints.
        repository: such as ``me/app``.
    """

    client: "Client"
    conversation: Conversation
    endpoints: Endpoints
    repository: str

    def referring(self, subject: Digest, artifact_type: str | None) -> list[Descriptor]:
        """Return what refers to a manifest: as the registry says, or as its fallback tag does.

        Raises:
            RegistryError: the registry refused.
        """

        def ask_for(page: str | None) -> Question:
            return self.endpoints.referrers(self.repository, subject, artifact_type, page)

        try:
            answers = list(pages(self.conversation, ask_for))
        except RegistryError as error:
            if error.status not in _NO_REFERRERS:
                raise
            entries = listed_under_tag(self.client, self.repository, subject).manifests
            return [one for one in entries if artifact_type in {None, one.artifact_type}]
        return [one for answer in answers for one in referring(answer, artifact_type)]


def list_referrer(client: "Client", repository: str, data: bytes, media_type: str) -> None:
    """List a manifest that was pushed under its subject's fallback tag, if it has a subject.

    Annotations are pulled up, and the artifact type is that of the config where the manifest names none
    (distribution-spec, "Listing Referrers"). What the registry took and is of no kind that is known here has
    no subject that could be told.

    Raises:
        RegistryError: the registry refused, or others kept overwriting the entry.
    """
    try:
        document = parse_manifest(data, media_type)
    except InvalidDocument:
        return
    if document.subject is None:
        return
    fallback = document.config.media_type if isinstance(document, Manifest) else None
    entry = Descriptor(
        media_type=media_type,
        digest=Digest.of(data),
        size=len(data),
        artifact_type=document.artifact_type or fallback,
        annotations=document.annotations,
    )
    add_under_tag(client, repository, document.subject.digest, entry)


def listed_under_tag(client: "Client", repository: str, subject: Digest) -> Index:
    """The index under the fallback tag; an empty one where there is none, or something else.

    Raises:
        RegistryError: the registry refused.
        InvalidDocument: what is there is no document of an image.
    """
    tag = fallback_tag(subject)
    try:
        raw = client.get_manifest(repository, tag)
    except NotFound:
        return Index.new(media_type=OCI_INDEX)
    try:
        found = parse_manifest(raw.data, raw.media_type)
    except InvalidDocument as error:
        raise InvalidDocument(
            f"cannot read the tag {tag} of {repository}, where referrers are listed without an API: {error}"
        ) from None
    return found if isinstance(found, Index) else Index.new(media_type=OCI_INDEX)


def add_under_tag(client: "Client", repository: str, subject: Digest, entry: Descriptor) -> None:
    """List a referrer under the fallback tag, keeping what others listed.

    Raises:
        RegistryError: the registry refused, or others kept overwriting the entry.
    """
    for number in range(_ROUNDS):
        index = listed_under_tag(client, repository, subject)
        if any(one.digest == entry.digest for one in index.manifests):
            return
        grown = index.with_manifests((*index.manifests, entry))
        client.put_manifest(repository, fallback_tag(subject), grown.to_bytes(), OCI_INDEX)
        time.sleep(_PAUSE * 2**number if number else 0.0)
    raise RegistryError(
        f"cannot list {entry.digest} as a referrer of {subject} in {repository}: the registry has no "
        f"referrers API, and others kept replacing the tag {fallback_tag(subject)}. The manifest itself is "
        "there; write it again when they are done"
    )


def remove_under_tag(client: "Client", repository: str, subject: Digest, digest: Digest) -> None:
    """Take a referrer out of the index under the fallback tag, once its manifest is deleted.

    Raises:
        RegistryError: the registry refused.
    """
    index = listed_under_tag(client, repository, subject)
    kept = tuple(one for one in index.manifests if one.digest != digest)
    if len(kept) != len(index.manifests):
        shrunk = index.with_manifests(kept).to_bytes()
        client.put_manifest(repository, fallback_tag(subject), shrunk, OCI_INDEX)
