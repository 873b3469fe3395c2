"""From images and targets to the graph of their write, sessions first. Touches nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve, frozen

from lazyimg.oci.reference import Reference
from lazyimg.state.index_state import State
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.expand import Expand
from lazyimg.write.registry_target import RegistrySite, RegistryTarget
from lazyimg.write.streams import everything_below
from lazyimg.write.target import OpenSession, Site, Target

Route = tuple[Thunk[State], tuple[Target, ...]]
"""An image, and where it goes."""


def target_of(target: Target | str, tags: Sequence[str] = ()) -> Target:
    """The target that a user named: a text is a registry reference.

    Raises:
        InvalidReference: it is none.
    """
    found = RegistryTarget(Reference.parse(target)) if isinstance(target, str) else target
    if tags and isinstance(found, RegistryTarget):
        return evolve(found, tags=found.tags + tuple(tags))
    return found


def targets_of(targets: Sequence[Target | str], tags: Sequence[str]) -> tuple[Target, ...]:
    """The targets that a user named for one image.

    Raises:
        ValueError: there is none.
        InvalidReference: a text is no reference.
    """
    if not targets:
        raise ValueError("a write needs a target: a registry reference, or one such as OCILayout(path)")
    return tuple(target_of(target, tags) for target in targets)


@frozen
class Composed:
    """A write before it is forced.

    Attributes:
        root: the thunk to force.
        sessions: what comes first.
        routes: which image goes where.
    """

    root: Expand
    sessions: tuple[OpenSession, ...]
    routes: tuple[Route, ...]


def compose(routes: Iterable[Route]) -> Composed:
    """The graph of a write. Touches nothing."""
    routes = tuple(routes)
    images = [image for image, _ in routes]
    sessions = _sessions(dict.fromkeys(t.site for _, targets in routes for t in targets), images)
    ways = tuple(tuple((sessions[t.site], t.names) for t in targets) for _, targets in routes)
    return Composed(Expand(tuple(images), ways), tuple(sessions.values()), routes)


def _sessions(sites: Iterable[Site], images: Sequence[Thunk[Any]]) -> dict[Site, OpenSession]:
    """One session a site; those of registries come before those on this machine."""
    sites = list(sites)
    opened = {site: OpenSession(site, _pulls(site, images)) for site in sites if site.is_remote}
    first = tuple(opened.values())
    opened |= {site: OpenSession(site, (), first) for site in sites if not site.is_remote}
    return {site: opened[site] for site in sites}


def _pulls(site: Site, images: Sequence[Thunk[Any]]) -> tuple[str, ...]:
    """The repositories of the site's own registry that the images are read from."""
    if not isinstance(site, RegistrySite):
        return ()
    read = (getattr(thunk, "reads", None) for thunk in everything_below(images))
    near = {r.repository for r in read if isinstance(r, Reference) and r.registry == site.repository.registry}
    return tuple(sorted(near - {site.repository.repository}))
