"""What a token is good for: the scopes of the token protocol.

A scope is ``type:name:action,action`` such as ``repository:me/app:pull,push``; several are parted by spaces
(distribution, "Token Scope Documentation").
"""

from collections.abc import Iterable

from attrs import frozen


@frozen
class Scope:
    """Some actions on one resource.

    Attributes:
        resource: type and name: ``repository:me/app``.
        actions: ``pull``, ``push``, ``delete``, ``*``.

    >>> str(Scope("repository:me/app", frozenset({"push", "pull"})))
    'repository:me/app:pull,push'
    """

    resource: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.resource}:{','.join(sorted(self.actions))}"

    def covers(self, other: "Scope") -> bool:
        """Tell whether this scope allows all that another does."""
        return self.resource == other.resource and (self.actions >= other.actions or "*" in self.actions)


CATALOG = Scope("registry:catalog", frozenset({"*"}))
"""The scope to list the repositories."""


def pull(repository: str) -> Scope:
    """Return the scope to read a repository."""
    return Scope(f"repository:{repository}", frozenset({"pull"}))


def push(repository: str) -> Scope:
    """Return the scope to read and write a repository."""
    return Scope(f"repository:{repository}", frozenset({"pull", "push"}))


def delete(repository: str) -> Scope:
    """Return the scope to delete in a repository."""
    return Scope(f"repository:{repository}", frozenset({"delete"}))


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Read the scopes of a challenge; what cannot be understood is left out.

    >>> [str(scope) for scope in parse_scopes("repository:localhost:5000/a:pull registry:catalog:* junk")]
    ['repository:localhost:5000/a:pull', 'registry:catalog:*']
    """
    found = []
    for word in text.split():
        resource, colon, actions = word.rpartition(":")
        if colon and ":" in resource:
            found.append(Scope(resource, frozenset(actions.split(",")) - {""}))
    return tuple(found)


def merge(*groups: Iterable[Scope]) -> tuple[Scope, ...]:
    """Join scopes, one for each resource, in the order the resources first come.

    >>> [str(scope) for scope in merge([pull("a"), pull("b")], [push("a")])]
    ['repository:a:pull,push', 'repository:b:pull']
    """
    actions: dict[str, frozenset[str]] = {}
    for group in groups:
        for scope in group:
            actions[scope.resource] = actions.get(scope.resource, frozenset()) | scope.actions
    return tuple(Scope(resource, allowed) for resource, allowed in actions.items())


def all_covered(have: Iterable[Scope], want: Iterable[Scope]) -> bool:
    """Tell whether every scope wanted is covered by one of those there are."""
    held = tuple(have)
    return all(any(scope.covers(wanted) for scope in held) for wanted in want)
