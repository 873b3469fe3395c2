"""What was sent: the requests of a registry in sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from lazyimg.server.request import Request


@frozen
class Traffic:
    """The sum of some requests.

    Attributes:
        requests: how many of which method to which kind of place: ``{"HEAD blob": 2, "PATCH upload": 1}``.
            Kinds are ``version``, ``catalog``, ``tags``, ``referrers``, ``uploads`` (where one begins),
            ``upload``, ``blob``, ``manifest``, ``token``, and ``other``.
        bytes_in: the bytes of their bodies.
        bytes_out: the bytes of the bodies of the answers.
        refused: how many were answered with an error, or not at all.
    """

    requests: Mapping[str, int]
    bytes_in: int
    bytes_out: int
    refused: int

    @classmethod
    def of(cls, requests: Iterable[Request]) -> Traffic:
        """Return the sum of requests."""
        listed = list(requests)
        return cls(
            dict(sorted(Counter(f"{each.method} {each.kind}" for each in listed).items())),
            sum(each.bytes_in for each in listed),
            sum(each.bytes_out for each in listed),
            sum(each.status is None or each.status >= HTTPStatus.BAD_REQUEST for each in listed),
        )

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {name}" for name, count in self.requests.items())
        sums = f"{self.bytes_in} bytes in, {self.bytes_out} out, {self.refused} refused"
        return f"{kinds or 'no requests'}; {sums}"
