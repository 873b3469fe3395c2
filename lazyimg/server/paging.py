"""Lists in pages: the ``n`` and ``last`` of a request and the ``Link`` to the next page."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from lazyimg.server.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def page(
    names: Sequence[str],
    path: str,
    query: Mapping[str, str],
    fits: Callable[[list[str]], int] = len,
) -> tuple[list[str], dict[str, str]]:
    """Return one page of sorted names and the headers of the answer.

    Args:
        names: all names, in lexical order.
        path: the path of the request, which the link repeats.
        query: ``n`` is the number of names wanted, ``last`` the one after which the page begins; the
            link repeats every other parameter.
        fits: counts how many of the names that are left fit into one page.

    >>> page(["a", "b", "c"], "/v2/_catalog", {"n": "1", "last": "a"})
    (['b'], {'Link': '</v2/_catalog?n=1&last=b>; rel="next"'})

    Raises:
        ApiError: 400 UNSUPPORTED; ``n`` is no number.
    """
    rest = list(names[_behind(names, query["last"]) :] if "last" in query else names)
    count = min(_count(query.get("n"), len(rest)), fits(rest))
    if count in (0, len(rest)):
        return rest[:count], {}
    link = urlencode({**query, "last": rest[count - 1]})
    return rest[:count], {"Link": f'<{path}?{link}>; rel="next"'}


def lexical(name: str) -> tuple[str, str]:
    """Return the sort key of the specification's "lexical order (i.e. case-insensitive alphanumeric order)".

    >>> sorted(["b", "C", "a", "A"], key=lexical)
    ['A', 'a', 'b', 'C']
    """
    return name.lower(), name


def _behind(names: Sequence[str], last: str) -> int:
    return bisect_right(names, lexical(last), key=lexical)


def _count(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ApiError(400, "UNSUPPORTED", "n must be a number, 0 or more", detail={"n": text})
    return min(int(text[:10]), default)
