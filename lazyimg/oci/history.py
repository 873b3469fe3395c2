"""History: how each layer of an image came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from lazyimg.oci import fields
from lazyimg.oci.record import Record, json_field
from lazyimg.oci.timestamp import format_time, in_utc, read_time

if TYPE_CHECKING:
    from datetime import datetime


def _moment(value: datetime | None) -> datetime | None:
    return None if value is None else in_utc(value)


@attrs.frozen(kw_only=True)
class History(Record):
    """One entry of a config's history (image-spec config.md, "history").

    Attributes:
        created: when, in UTC; None if it is not said.
        created_by: the command that made the layer.
        author: of the build point.
        comment: for people.
        empty_layer: the entry made no layer.

    Raises:
        InvalidDocument: ``created`` has no time zone.
    """

    WHAT: ClassVar[str] = "history entry"

    created: datetime | None = json_field(
        "created", read_time, write=format_time, default=None, converter=_moment
    )
    created_by: str | None = json_field("created_by", fields.text, default=None)
    author: str | None = json_field("author", fields.text, default=None)
    comment: str | None = json_field("comment", fields.text, default=None)
    empty_layer: bool = json_field("empty_layer", fields.flag, default=False)
