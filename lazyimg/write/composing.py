"""From images and targets to the graph of their write, sessions first. Touches nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve, frozen

from lazyimg.errors import InvalidReference, InvalidTarget
from lazyimg.oci.reference import Reference
from lazyimg.state.index_state import State
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.expand import Expand
from lazyimg.write.layout_target import OCILayout
from lazyimg.write.registry_target import RegistrySite, RegistryTarget, tags_of
from lazyimg.write.streams import everything_below
from lazyimg.write.target import OpenSession, Site, Target

Route = tuple[Thunk[State], tuple[Target, ...]]
"""An image, and where it goes."""


def target_of(target: Target | str, tags: Sequence[str] = (), if_tag: str | None = None) -> Target:
    """The target that a user named: a text is a registry reference.

    Args:
        target: as the user named it.
        tags: further tags, if it is a registry's.
        if_tag: the condition for all targets that state none themselves.

    Raises:
        InvalidReference: it is none, or a tag is none.
        InvalidTarget: it is no target, or has no tags that a condition can be about.
    """
    found = _registry_target(target) if isinstance(target, str) else target
    if not hasattr(found, "site"):
        raise InvalidTarget(
            f"a {type(found).__qualname__} is no target: name a registry reference, as a text, or a target "
            "such as OCILayout(path)"
        )
    if tags and isinstance(found, RegistryTarget):
        found = evolve(found, tags=found.tags + tags_of(tags))
    return found if if_tag is None else _conditioned(found, if_tag)


def _registry_target(text: str) -> RegistryTarget:
    try:
        return RegistryTarget(text)
    except InvalidReference as error:
        if text.startswith(("/", ".", "~")) or text.endswith(".tar"):
            error.add_note("a text is a registry reference; a path is OCILayout(path)")
        raise


def _conditioned(target: Target, if_tag: str) -> Target:
    if not isinstance(target, RegistryTarget | OCILayout):
        raise InvalidTarget(
            f"{target} has no tags that if_tag={if_tag!r} could be about: say if_tag= at the RegistryTarget "
            "or OCILayout that it is meant for"
        )
    return target if target.if_tag is not None else evolve(target, if_tag=if_tag)


def targets_of(
    targets: Sequence[Target | str], tags: Sequence[str], if_tag: str | None = None
) -> tuple[Target, ...]:
    """The targets that a user named for one image.

    Raises:
        ValueError: there is none.
        InvalidReference: a text is no reference.
        InvalidTarget: one has no tags that a condition can be about.
    """
    if not targets:
        raise ValueError("a write needs a target: a registry reference, or one such as OCILayout(path)")
    return tuple(target_of(target, tags, if_tag) for target in targets)


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
    """The graph of a write. Touches nothing.

    Raises:
        InvalidTarget: two targets want one place in different ways, or one name for two images.
    """
    routes = tuple(routes)
    images = [image for image, _ in routes]
    _refuse_rivals(target.site for _, targets in routes for target in targets)
    _refuse_shared_names(routes)
    sessions = _sessions(dict.fromkeys(t.site for _, targets in routes for t in targets), images)
    ways = tuple(tuple((sessions[t.site], t) for t in targets) for _, targets in routes)
    return Composed(Expand(tuple(images), ways), tuple(sessions.values()), routes)


def _refuse_rivals(sites: Iterable[Site]) -> None:
    """Refuse two sites that are one place: one would undo what the other does."""
    places: dict[str, Site] = {}
    for site in sites:
        if places.setdefault(str(site), site) != site:
            raise InvalidTarget(
                f"{site} is to be written in two ways at once: give its targets the same settings, "
                "or another place"
            )


def _refuse_shared_names(routes: Iterable[Route]) -> None:
    """Refuse one name for two images: which of them it says in the end would be chance."""
    named: dict[tuple[Site, str], Thunk[State]] = {}
    for image, targets in routes:
        for target in targets:
            for name in target.names:
                if named.setdefault((target.site, name), image) != image:
                    raise InvalidTarget(
                        f"{name} of {target.site} is to name two different images: "
                        "give one of them another tag"
                    )


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
