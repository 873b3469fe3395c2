"""Writing: the graph is forced; what a write began ends with it, and its end is told whole."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from lazyimg.content.counters import told_of
from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.oci.digest import Digest
from lazyimg.runtime import Work
from lazyimg.state.index_state import State
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.composing import Route, compose, target_of, targets_of
from lazyimg.write.record import Record
from lazyimg.write.result import Result, TargetResult
from lazyimg.write.streams import claimed
from lazyimg.write.target import SiteSession, Target

K = TypeVar("K", bound="Target | str")

ABORT_GRACE = 3.0
"""Seconds that all sessions together have to take back what they began."""


def write_image(
    image: Thunk[State],
    targets: Sequence[Target | str],
    tags: Sequence[str],
    if_tag: str | None,
    engine: Engine | None,
) -> Result:
    """Write one image to some targets; see `lazyimg.Image.write`."""
    return _write([(image, targets_of(targets, tags, if_tag))], engine)[0]


def write(images: Mapping[K, Thunk[State]], engine: Engine | None = None) -> dict[K, Result]:
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
            _together([session.abort for session in list(work.sessions.values())], ABORT_GRACE)
            _explain(error, work, composed.routes)
            raise
    _together([session.close for session in work.sessions.values()], ABORT_GRACE)
    read = work.counters
    return [
        Result(
            sealed.descriptor,
            tuple(TargetResult.of(target, _record(work, target)) for target in targets),
            read.bytes_read,
            read.opened,
        )
        for sealed, (_, targets) in zip(manifests, routes, strict=True)
    ]


def _record(work: Work, target: Target) -> Record:
    """What the session with a target's site did; nothing, where it was never opened."""
    session = cast("SiteSession[Any] | None", work.sessions.get(target.site))
    return Record() if session is None else session.record


def _together(ends: Sequence[Callable[[], None]], grace: float) -> None:
    """Call all at once, and wait for them no longer than ``grace`` seconds in all."""
    threads = [threading.Thread(target=end, name="lazyimg-end", daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + grace
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _explain(error: BaseException, work: Work, routes: Sequence[Route]) -> None:
    """Say in notes what a failed write left behind."""
    read = work.counters
    error.add_note(told_of(read.opened, read.bytes_read))
    for _, targets in routes:
        for target in targets:
            error.add_note(f"{target}: {'; '.join(_left_at(target, _record(work, target)))}")


def _left_at(target: Target, record: Record) -> Iterator[str]:
    yield record.summary()
    for name in target.names:
        if not isinstance(name, Digest):
            yield f"tag {name}: {record.tags.get(name, 'not moved')}"
