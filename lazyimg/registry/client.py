"""The distribution-spec for one registry, one method an endpoint.

A `Client` does nothing until a method is called, and each method is one question with one outcome: retries,
authorisation and redirects are below it (`lazyimg.registry.conversation`).
"""

import copy
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Self

import httpx
from attrs import evolve

from lazyimg.errors import ContentMismatch, InvalidDocument, NotFound, RegistryError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.registry.answers import (
    Begun,
    RawManifest,
    announced_digest,
    check_stored,
    described,
    is_mounted,
    length_of,
    named_digest,
    refuse_page,
)
from lazyimg.registry.budget import Budget
from lazyimg.registry.conversation import ANY, Answer, Patience, Question
from lazyimg.registry.download import Blob, Download
from lazyimg.registry.endpoints import MANIFEST_LIMIT, Endpoints
from lazyimg.registry.host import Host
from lazyimg.registry.keychains.credentials import Keychain
from lazyimg.registry.lists import listed, pages
from lazyimg.registry.opening import conversation
from lazyimg.registry.referrers import Referrers
from lazyimg.registry.retry import Retries
from lazyimg.registry.settings import File, Proxy
from lazyimg.registry.transport.pools import Tls
from lazyimg.registry.transport.wire import Observer, Timeouts
from lazyimg.registry.uploads.upload import Upload

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

_NO_HEAD = frozenset({400, 405, 501})  # what registries answer to a HEAD they do not offer


class Client:
    """Speaks with one registry. Thread safe; constructing it has no effect.

    Args:
        host: the registry: ``ghcr.io``, ``docker.io``, ``localhost:5000``.
        keychain: where credentials come from, asked when the registry first wants them; by default Docker's
            file, then podman's; `Anonymous` is anybody.
        insecure: speak plain http.
        scheme: ``"http"`` or ``"https"``; by default https, and plain http with loopback addresses, unless
            ``ca`` or ``client_cert`` is given.
        ca: a file of certificate authorities to trust besides the usual ones, or of the server's own
            certificate if that is its own authority.
        client_cert: a certificate to show, as a file, or as files of certificate and key.
        transport: an httpx transport to send everything through, instead of sockets of our own.
        timeout: seconds until a registry that gives no sign of life is given up, or `Timeouts`.
        retries: how often to try again after a transient failure, or `Retries`.
        user_agent: the ``User-Agent`` header.
        observer: told of every finished exchange.
        tls: instead of ``ca`` and ``client_cert``, both.
        proxy: the address of a proxy; None reads the environment, False is none.
        http2: speak HTTP/2 where the registry does, too; needs the extra ``http2``.
        chunk_size: bytes that one request of an upload may carry; by default all, until that is refused.

    Raises:
        InvalidSetting, InvalidReference: a setting, or a host, that nothing could be done with; it is named.

    >>> Client("docker.io")
    Client('docker.io')
    """

    def __init__(  # noqa: PLR0913 - every one is a setting of its own, by keyword
        self,
        host: str,
        *,
        keychain: Keychain | None = None,
        insecure: bool = False,
        scheme: str | None = None,
        ca: File | None = None,
        client_cert: File | tuple[File, File] | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float | Timeouts | None = None,
        retries: int | Retries | None = None,
        user_agent: str | None = None,
        observer: Observer | None = None,
        tls: Tls | None = None,
        proxy: Proxy | None = None,
        http2: bool = False,
        chunk_size: int | None = None,
    ) -> None:
        said = Host(  # which refuses what cannot be
            scheme="http" if insecure else scheme,
            ca=ca,
            client_cert=client_cert,
            proxy=proxy,
            timeout=timeout,
            retries=retries,
            user_agent=user_agent,
            http2=http2,
            chunk_size=chunk_size,
            transport=transport,
        )
        self._conversation = conversation(host, said, keychain, tls, observer)
        self.registry = self._conversation.site.name
        self._endpoints = Endpoints(self._conversation.site.url)

    def __repr__(self) -> str:
        return f"Client({self.registry!r})"

    def within(self, budget: Budget) -> Self:
        """Return a client that takes its retries from a budget; connections are those of this one."""
        bound = copy.copy(self)
        bound._conversation = self._conversation.within(budget)  # noqa: SLF001 - of a copy of ourselves
        return bound

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._conversation.wire.close()

    def ping(self) -> None:
        """Ask whether this is a registry that we may speak with (distribution-spec, "Determining Support").

        Raises:
            Unauthorized: it wants other credentials.
            InvalidDocument: it answers with a page for browsers.
            RegistryUnreachable: no answer.
        """
        refuse_page(self._conversation.ask(self._endpoints.ping()), "speak with the registry")

    def head_manifest(self, repository: str, reference: str) -> Descriptor:
        """Return what a tag or digest points to, without its bytes where the registry can tell.

        Raises:
            NotFound: there is none.
            RegistryError: the registry refused.
        """
        question = self._endpoints.manifest("HEAD", repository, reference)
        try:
            answer = self._conversation.ask(question)
        except RegistryError as error:
            if error.status not in _NO_HEAD:
                raise
            return self._described(repository, reference)
        return described(answer) or self._described(repository, reference)

    def _described(self, repository: str, reference: str) -> Descriptor:
        raw = self.get_manifest(repository, reference)
        return Descriptor(media_type=raw.media_type, digest=raw.digest, size=len(raw.data))

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        """Read a manifest or index, verified against its digest.

        Args:
            repository: such as ``library/python``.
            reference: a tag or a digest.

        Raises:
            NotFound: there is none.
            ContentMismatch: its bytes have another digest than was asked for or announced, or are over 4 MiB.
        """
        question = self._endpoints.manifest("GET", repository, reference)
        answer = self._conversation.ask(question)
        expected = named_digest(reference) or announced_digest(answer)
        found = Digest.of(answer.data, expected.algorithm if expected else "sha256")
        if expected is not None and found != expected:
            raise ContentMismatch(
                f"cannot read the manifest of {repository} at {reference}: {self.registry} sent bytes with "
                f"the digest {found}, not {expected}"
            )
        return RawManifest.of(answer, found, question.doing)

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> Digest:
        """Write a manifest or index; what it refers to must be there.

        Args:
            repository: such as ``me/app``.
            reference: a tag, or the digest of ``data``.
            data: its bytes.
            media_type: what they are.

        One with a subject is listed as its referrer, by the registry or us (`lazyimg.registry.referrers`).

        Returns:
            The digest of the bytes.

        Raises:
            InvalidDocument: it is over 4 MiB; nothing was sent.
            ContentMismatch: ``reference`` is another digest, or the registry says it holds other bytes.
            RegistryError: the registry refused.
        """
        if len(data) > MANIFEST_LIMIT:
            raise InvalidDocument(
                f"a manifest of {len(data)} bytes is over the limit of {MANIFEST_LIMIT}: not sent"
            )
        asked = named_digest(reference)
        digest = Digest.of(data, asked.algorithm if asked else "sha256")
        if asked not in {None, digest}:
            raise ContentMismatch(f"these bytes have the digest {digest}, they cannot be written as {asked}")
        question = self._endpoints.manifest("PUT", repository, reference, data, media_type)
        answer = self._conversation.ask(question)
        check_stored(answer, digest, f"{self.registry}/{repository}")
        if "OCI-Subject" not in answer.headers:
            self._referrers(repository).add(data, media_type, digest)
        return digest

    def delete_manifest(self, repository: str, reference: str) -> None:
        """Delete a tag, or a manifest by its digest.

        What has a subject is no longer listed as its referrer either; a manifest is read first, to know that.

        Raises:
            NotFound: there is none.
            RegistryError: the registry refused, or deletes nothing (405).
        """
        with self._referrers(repository).without(named_digest(reference)):
            self._conversation.ask(self._endpoints.manifest("DELETE", repository, reference))

    def head_blob(self, repository: str, digest: str) -> int | None:
        """Return the size of a blob in bytes, None if the repository has no such blob.

        Raises:
            RegistryError: the registry refused, or did not tell the size.
        """
        question = self._endpoints.blob("HEAD", repository, digest)
        try:
            answer = self._conversation.ask(question)
        except NotFound:
            return None
        except RegistryError as error:
            if error.status not in _NO_HEAD:
                raise
            return self._measured(question)
        size = length_of(answer.headers.get("Content-Length"))
        return self._measured(question) if size is None else size

    def _measured(self, question: Question) -> int:
        """Learn a blob's size from the head of a GET, where HEAD does not tell it."""
        with closing(self._conversation.open(evolve(question, method="GET"))) as reply:
            size = length_of(reply.headers.get("Content-Length"))
        if size is None:
            raise RegistryError(f"cannot {question.doing}: {self.registry} does not tell its size")
        return size

    def blob(  # noqa: PLR0913 - which blob, and which of its bytes
        self,
        repository: str,
        digest: str,
        size: int | None,
        offset: int = 0,
        *,
        length: int | None = None,
        hasher: "Hash | None" = None,
    ) -> Iterator[bytes]:
        """Read a blob: yield its bytes as they arrive, the last of them once the whole is verified.

        A cut connection is gone on with where it broke. Nothing is asked before the first byte is wanted.

        Args:
            repository: such as ``library/python``.
            digest: what the bytes must hash to.
            size: how many there must be; None if nobody said.
            offset: bytes to leave out from the beginning.
            length: how many to read from there; by default all to the end.
            hasher: a `hashlib` object fed with the bytes left out, to verify the digest of the whole; without
                it, and with ``length``, a part is checked for its number of bytes alone.

        Raises:
            InvalidSetting: a blob of that size has no such part.
            ContentMismatch, NotFound: they are not those that were asked for, or there is no such blob.
            RegistryUnreachable: the registry cannot be reached, or the connection keeps breaking.
        """
        wanted = Blob(digest=Digest(digest), size=size, offset=offset, length=length, hasher=hasher)
        return Download(self._conversation, self._endpoints.blob("GET", repository, digest), wanted).chunks()

    def get_blob_bytes(self, repository: str, digest: str, size: int | None, limit: int = 8 << 20) -> bytes:
        """Read a small blob, such as a config, into memory, verified.

        Raises:
            ContentMismatch: it is not what was asked for, or over ``limit`` bytes.
            NotFound: the repository has no such blob.
        """
        too_long = ContentMismatch(f"the blob {digest} of {repository} is over the limit of {limit} bytes")
        if size is not None and size > limit:
            raise too_long
        data = bytearray()
        for part in self.blob(repository, digest, size):
            data += part
            if len(data) > limit:
                raise too_long
        return bytes(data)

    def delete_blob(self, repository: str, digest: str) -> None:
        """Delete a blob.

        Raises:
            NotFound: there is none.
            RegistryError: the registry refused, or deletes nothing (405).
        """
        self._conversation.ask(self._endpoints.blob("DELETE", repository, digest))

    def begin_upload(self, repository: str, *, pulls: Iterable[str] = (), patience: Patience = ANY) -> Upload:
        """Begin an upload: the permission check, and the first step of a push.

        Args:
            repository: where to.
            pulls: further repositories of this registry that will be read or mounted from; one token is asked
                for all.
            patience: how it may be waited for.

        Raises:
            Unauthorized: the registry wants other credentials.
            Denied: it knows who asks, and refuses.
            NotFound: it has no such repository, and makes none.
        """
        pulls = tuple(pulls)
        return self._begun(repository, self._post_upload(repository, pulls, patience), pulls, patience)

    def mount(
        self, repository: str, digest: str, from_repository: str, *, patience: Patience = ANY
    ) -> Upload | None:
        """Take a blob over from another repository of the registry (distribution-spec, "Mounting a blob").

        Returns:
            None if it is there now; else the upload the registry began instead.

        Raises:
            RegistryError: the registry refused.
        """
        doing = f"mount {digest} from {from_repository} into {repository}"
        query = {"mount": digest, "from": from_repository}
        question = self._endpoints.upload(doing, repository, [from_repository], query)
        answer = self._conversation.ask(question, patience)
        return None if is_mounted(answer) else self._begun(repository, answer, (), patience)

    def _post_upload(self, repository: str, pulls: Iterable[str], patience: Patience) -> Answer:
        question = self._endpoints.upload(f"push to {repository}", repository, pulls)
        return self._conversation.ask(question, patience)

    def _begun(self, repository: str, answer: Answer, pulls: Iterable[str], patience: Patience) -> Upload:
        return Upload(
            self._conversation,
            repository,
            Begun.of(answer),
            begin=lambda: Begun.of(self._post_upload(repository, pulls, patience)),
            exists=lambda digest: self.head_blob(repository, digest) is not None,
            stop=patience.stop,
        )

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, all pages of them, in the registry's order.

        Raises:
            NotFound: there is no such repository.
            InvalidDocument: the registry answered something else.
        """
        answers = pages(self._conversation, lambda page: self._endpoints.tags(repository, page))
        return listed(answers, "tags", f"list the tags of {repository}")

    def catalog(self) -> list[str]:
        """Return the repositories of the registry, all pages of them, in the registry's order.

        The catalog is no part of the distribution-spec; Docker's registry has it, the large ones do not.

        Raises:
            NotFound: the registry has no catalog.
            InvalidDocument: the registry answered something else.
        """
        answers = pages(self._conversation, self._endpoints.catalog)
        return listed(answers, "repositories", "list the repositories")

    def referrers(self, repository: str, digest: str, artifact_type: str | None = None) -> list[Descriptor]:
        """Return what refers to a manifest: all that the registry lists, or else the fallback tag does.

        Args:
            repository: such as ``me/app``.
            digest: of the manifest that is referred to; it need not exist.
            artifact_type: list only these.

        Raises:
            RegistryError: the registry refused.
            InvalidDocument: the registry answered something else.
        """
        return self._referrers(repository).of(Digest(digest), artifact_type)

    def _referrers(self, repository: str) -> Referrers:
        return Referrers(self, self._conversation, self._endpoints, repository)
