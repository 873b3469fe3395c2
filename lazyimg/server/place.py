"""What the path of a request names: the addresses of distribution-spec 1.1, "Endpoints"."""

from __future__ import annotations

import re

from attrs import frozen

PATTERNS = {
    "version": re.compile(r"/v2/?"),
    "catalog": re.compile(r"/v2/_catalog"),
    "tags": re.compile(r"/v2/(?P<repository>.*)/tags/list"),
    "referrers": re.compile(r"/v2/(?P<repository>.*)/referrers/(?P<reference>[^/]+)"),
    "uploads": re.compile(r"/v2/(?P<repository>.*)/blobs/uploads/?"),
    "upload": re.compile(r"/v2/(?P<repository>.*)/blobs/uploads/(?P<reference>[^/]+)"),
    "blob": re.compile(r"/v2/(?P<repository>.*)/blobs/(?P<reference>[^/]+)"),
    "manifest": re.compile(r"/v2/(?P<repository>.*)/manifests/(?P<reference>[^/]+)"),
    "token": re.compile(r"/token"),
}
"""Each kind of place by its paths; the first that matches counts.

A repository name may hold any of the words here, so names are matched greedily: what decides is the end
of the path.
"""


@frozen
class Place:
    """What a path names.

    Attributes:
        kind: one of the keys of `PATTERNS`, or ``other``.
        repository: the name of a repository, valid or not; empty where the place is in none.
        reference: a digest, a tag, the name of an upload; empty where the place has none.
    """

    kind: str
    repository: str = ""
    reference: str = ""

    @classmethod
    def of(cls, path: str) -> Place:
        """Return what a path names.

        >>> Place.of("/v2/a/tags/list/manifests/v1")
        Place(kind='manifest', repository='a/tags/list', reference='v1')
        >>> Place.of("/v2/a/blobs/uploads/")
        Place(kind='uploads', repository='a', reference='')
        """
        for kind, pattern in PATTERNS.items():
            if match := pattern.fullmatch(path):
                return cls(kind, **match.groupdict())
        return cls("other")
