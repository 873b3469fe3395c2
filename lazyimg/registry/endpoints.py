"""The endpoints of the distribution-spec, as questions (distribution-spec, "Endpoints")."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from attrs import frozen

from lazyimg.errors import InvalidReference
from lazyimg.oci.media_type import ACCEPT_MANIFESTS
from lazyimg.registry.authorization import scope
from lazyimg.registry.conversation import Question
from lazyimg.registry.settings import is_str

MANIFEST_LIMIT = 4 << 20  # bytes (distribution-spec, "Pushing Manifests")
_DOUBTED = frozenset({"DIGEST_INVALID"})
"""What docker-registry says of a right manifest if one of its blobs is pushed again at that moment: it reads
a link then that was emptied to be written anew."""
_BY_DIGEST = (
    "Some registries delete manifests by digest alone: the one that head_manifest() tells, with all its tags."
)
_NO_TAGS = {400: _BY_DIGEST, 405: _BY_DIGEST}
"""What registries say that delete no tags (distribution-spec, "Deleting tags"), and what to do about it."""
_VERBS = {"PUT": "write", "DELETE": "delete"}


def _allowed(method: str, repository: str) -> tuple[scope.Scope, ...]:
    needed = {"PUT": scope.push, "DELETE": scope.delete}.get(method, scope.pull)
    return (needed(repository),)


@frozen
class Endpoints:
    """Words questions to one registry.

    Attributes:
        url: scheme and host, without a slash.

    >>> Endpoints("https://ghcr.io").blob("GET", "me/app", "sha256:00").url
    'https://ghcr.io/v2/me/app/blobs/sha256:00'
    """

    url: str

    def ping(self) -> Question:
        """Ask whether it is a registry (end-1)."""
        return Question(doing="speak with the registry", method="GET", url=f"{self.url}/v2/")

    def manifest(
        self, method: str, repository: str, reference: str, data: bytes = b"", media_type: str = ""
    ) -> Question:
        """Read, write or delete a manifest (end-3, end-7, end-9)."""
        headers = {"Content-Type": media_type} if media_type else {"Accept": ", ".join(ACCEPT_MANIFESTS)}
        kind = f" as {media_type}" if media_type else ""
        return Question(
            doing=f"{_VERBS.get(method, 'read')} the manifest of {repository} at {reference}{kind}",
            method=method,
            url=self._path(repository, "manifests", reference),
            repository=repository,
            scopes=_allowed(method, repository),
            headers=headers,
            content=data,
            limit=MANIFEST_LIMIT,
            doubted=_DOUBTED if method == "PUT" else frozenset(),
            advice=_NO_TAGS if method == "DELETE" and ":" not in reference else {},
        )

    def blob(self, method: str, repository: str, digest: str) -> Question:
        """Read or delete a blob (end-2, end-10)."""
        return Question(
            doing=f"{_VERBS.get(method, 'read')} the blob {digest} of {repository}",
            method=method,
            url=self._path(repository, "blobs", digest),
            repository=repository,
            scopes=_allowed(method, repository),
        )

    def upload(
        self, doing: str, repository: str, pulls: Iterable[str], query: Mapping[str, str] | None = None
    ) -> Question:
        """Begin an upload, or mount a blob (end-4, end-11)."""
        return Question(
            doing=doing,
            method="POST",
            url=self._path(repository, "blobs", "uploads/") + (f"?{urlencode(query)}" if query else ""),
            repository=repository,
            scopes=scope.merge([scope.push(repository)], map(scope.pull, pulls)),
        )

    def tags(self, repository: str, page: str | None = None) -> Question:
        """List tags, from a page on (end-8)."""
        return Question(
            doing=f"list the tags of {repository}",
            method="GET",
            url=page or self._path(repository, "tags", "list"),
            repository=repository,
            scopes=(scope.pull(repository),),
            limit=MANIFEST_LIMIT,
        )

    def catalog(self, page: str | None = None) -> Question:
        """List repositories, from a page on (Docker's registry API)."""
        return Question(
            doing="list the repositories",
            method="GET",
            url=page or f"{self.url}/v2/_catalog",
            scopes=(scope.CATALOG,),
            limit=MANIFEST_LIMIT,
        )

    def referrers(
        self, repository: str, digest: str, artifact_type: str | None = None, page: str | None = None
    ) -> Question:
        """List what refers to a manifest, from a page on (end-12)."""
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        return Question(
            doing=f"list the referrers of {digest} in {repository}",
            method="GET",
            url=page or self._path(repository, "referrers", digest) + query,
            repository=repository,
            scopes=(scope.pull(repository),),
            limit=MANIFEST_LIMIT,
        )

    def _path(self, repository: str, kind: str, name: str) -> str:
        """Word an address.

        Raises:
            InvalidReference: more than a repository's name stands where that is wanted.
        """
        if not is_str(repository) or not repository or ":" in repository or "@" in repository:
            shown = str(repository)[:100]
            raise InvalidReference(
                f"{shown!r} is no repository: write it without registry, tag and digest, as me/app"
            )
        return f"{self.url}/v2/{quote(repository)}/{kind}/{quote(name, safe=':/')}"
