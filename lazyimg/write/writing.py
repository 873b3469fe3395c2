"""From images and targets to a result: the graph, its order edges, and what happens when it fails."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from attrs import evolve, frozen

from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.oci.reference import Reference
from lazyimg.runtime import Ends, Work
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.expand import Expand
from lazyimg.write.registry_target import RegistrySite, RegistryTarget
from lazyimg.write.result import Result, TargetResult
from lazyimg.write.streams import claimed, everything_below
from lazyimg.write.target import OpenSession, Site, SiteSession, Target

K = TypeVar("K", bound="Target | str")

ABORT_GRACE = 3.0
"""Seconds that all sessions together have to take back what they began."""

Route = tuple[Thunk[ImageState], tuple[Target, ...]]


def target_of(target: Target | str, tags: Sequence[str] = ()) -> Target:
    """The target that a user named: a text is a registry reference.

    Raises:
        InvalidReference: it is none.
    """
    found = RegistryTarget(Reference.parse(target)) if isinstance(target, str) else target
    if tags and isinstance(found, RegistryTarget):
        return evolve(found, tags=found.tags + tuple(tags))
    return found


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


def write_image(
    image: Thunk[ImageState], targets: Sequence[Target | str], tags: Sequence[str], engine: Engine | None
) -> Result:
    """Write one image to some targets; see `lazyimg.Image.write`."""
    if not targets:
        raise ValueError("write() needs a target: a registry reference, or a target such as OCILayout(path)")
    return _write([(image, tuple(target_of(target, tags) for target in targets))], engine)[0]


def write(images: Mapping[K, Thunk[ImageState]], engine: Engine | None = None) -> dict[K, Result]:
    """Write several images in one graph: what they share is read, and sent to a site, once.

    All sessions are opened before anything else is touched; tags move when everything of every image is in
    place.

    Args:
        images: for each target (a registry reference, or a target such as `lazyimg.OCILayout`) the image.
        engine: by default the current one.

    Returns:
        For each target what was done.

    Raises:
        PermissionError: a registry refused; no source was read.
        LazyImgError: and its family, for whatever else failed; notes say what is in place.
    """
    if not images:
        return {}
    results = _write([(image, (target_of(target),)) for target, image in images.items()], engine)
    return dict(zip(images, results, strict=True))


def _write(routes: Sequence[Route], engine: Engine | None) -> list[Result]:
    engine = engine or current_engine()
    composed = compose(routes)
    refuse_inside(composed.root)
    work = engine.begin()
    with claimed(image for image, _ in routes):
        try:
            manifests = engine.force(composed.root, first=composed.sessions, work=work)
        except BaseException as error:
            _together([session.abort for session in work.sessions.values()], ABORT_GRACE)
            _explain(error, work)
            raise
    _together([session.close for session in work.sessions.values()], ABORT_GRACE)
    return [
        Result(
            sealed.descriptor,
            tuple(TargetResult.of(str(t), _session(work.sessions[t.site]).record) for t in targets),
            work.counters.bytes_read,
            work.counters.opened,
        )
        for sealed, (_, targets) in zip(manifests, routes, strict=True)
    ]


def _session(session: Ends) -> SiteSession:
    return cast("SiteSession", session)


def _together(ends: Sequence[Callable[[], None]], grace: float) -> None:
    """Call all at once, and wait for them no longer than ``grace`` seconds in all."""
    threads = [threading.Thread(target=end, name="lazyimg-end", daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + grace
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _explain(error: BaseException, work: Work) -> None:
    """Say in notes what a failed write left behind."""
    read = work.counters
    error.add_note(f"the write ended; {read.bytes_read} bytes of {read.opened} local sources were read")
    for site, session in work.sessions.items():
        error.add_note(f"at {site}: {_session(session).record.summary()}")
