"""Scopes: what a token lets its bearer do (Docker Registry v2 authentication, "Token Scope")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from lazyimg.server.names import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazyimg.server.place import Place

PULL, PUSH = frozenset({"pull"}), frozenset({"pull", "push"})
READS = frozenset({"GET", "HEAD"})


@frozen
class Scope:
    """Some actions on one thing: ``repository:team/app:pull,push``.

    Attributes:
        kind: ``repository``, or ``registry`` for what is in none.
        name: the name of the repository, or ``catalog``.
        actions: ``pull``, ``push``, ``delete``; ``*`` for the catalog.
    """

    kind: str
    name: str
    actions: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Return the scope that a text names; whatever it lacks is empty.

        >>> str(Scope.parse("repository:127.0.0.1:5000/a:push,pull"))
        'repository:127.0.0.1:5000/a:pull,push'
        """
        kind, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        return cls(kind, name, frozenset(filter(None, actions.split(","))))

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"

    def is_within(self, granted: Iterable[Scope]) -> bool:
        """Tell whether the scopes granted allow all of this one.

        >>> wanted = Scope.parse("repository:a:pull,push")
        >>> wanted.is_within([Scope.parse("repository:a:pull"), Scope.parse("repository:a:push")])
        True
        """
        same = [each.actions for each in granted if (each.kind, each.name) == (self.kind, self.name)]
        actions: frozenset[str] = frozenset().union(*same)
        return "*" in actions or self.actions <= actions

    def limited(self, allowed: Iterable[str]) -> Scope:
        """Return the part of the scope that is allowed; ``*`` asks for, or allows, every action.

        >>> str(Scope.parse("repository:a:*").limited({"pull"}))
        'repository:a:pull'
        """
        actions = frozenset(allowed)
        if "*" in self.actions:
            return evolve(self, actions=actions)
        return self if "*" in actions else evolve(self, actions=self.actions & actions)


def parse_scopes(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes that ``scope`` parameters name, each of which may name several.

    >>> [scope.name for scope in parse_scopes(["repository:a:pull repository:b:pull", "repository:c:pull"])]
    ['a', 'b', 'c']
    """
    return tuple(Scope.parse(word) for text in texts for word in text.split())


def scope_for(method: str, place: Place) -> Scope | None:
    """Return the scope that a request needs; None where any token will do, as for a name that is none.

    >>> from lazyimg.server.place import Place
    >>> str(scope_for("PATCH", Place.of("/v2/a/blobs/uploads/1")))
    'repository:a:pull,push'
    """
    if place.kind == "catalog":
        return Scope("registry", "catalog", frozenset("*"))
    if not is_name(place.repository):
        return None
    return Scope("repository", place.repository, _actions(method, place.kind))


def _actions(method: str, kind: str) -> frozenset[str]:
    if kind in ("upload", "uploads"):
        return PUSH
    if method == "DELETE":
        return frozenset({"delete"})
    return PULL if method in READS else PUSH
