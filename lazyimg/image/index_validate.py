"""Validating an index: every manifest that it lists, to any depth, with all that those reach."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.errors import InvalidImage, LazyImgError
from lazyimg.image.index_select import index_in
from lazyimg.image.report import Finding, Report
from lazyimg.image.validate import Validation, findings_of
from lazyimg.state.index_state import Entry, IndexState, refuse_deeper
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.state.image_state import ImageState


def validate_index(index: Thunk[IndexState], *, fast: bool, engine: Engine | None) -> Report:
    """What is right and wrong about an index; see `lazyimg.Index.validate`."""
    refuse_inside(index)
    how = Validation(engine or current_engine(), fast=fast)
    return Report(repr(index), _findings(index, how), fast=fast)


def _findings(index: Thunk[IndexState], how: Validation, depth: int = 0) -> Iterator[Finding]:
    """What is found of an index, entry by entry; of one within, under the name of its entry."""
    try:
        refuse_deeper(depth)
    except InvalidImage as error:
        yield Finding("index", "wrong", str(error))
        return
    state = how.tried(index)
    if isinstance(state, LazyImgError):
        yield Finding("index", "wrong", str(state))
        return
    yield Finding("index", "right", f"{len(state.entries)} entries, {state.index.media_type}")
    for at, entry in enumerate(state.entries):
        name = f"{at} {entry.said_platform}" if entry.said_platform else f"{at}"
        for finding in _of_entry(entry, how, depth):
            yield finding.within(name)


def _of_entry(entry: Entry, how: Validation, depth: int) -> Iterator[Finding]:
    inner = index_in(entry)
    if inner is not None:
        return _findings(inner, how, depth + 1)
    image = cast("Thunk[ImageState]", entry.child)
    return findings_of(image, how, entry.said_platform)
