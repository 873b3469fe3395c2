"""History: how each layer of an image came to be."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from lazyimg.oci import fields
from lazyimg.oci.record import Record, in_json
from lazyimg.oci.timestamp import format_time, in_utc, read_time


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

    created: datetime | None = attrs.field(
        default=None, converter=_moment, metadata=in_json("created", read_time, format_time)
    )
    created_by: str | None = attrs.field(default=None, metadata=in_json("created_by", fields.text))
    author: str | None = attrs.field(default=None, metadata=in_json("author", fields.text))
    comment: str | None = attrs.field(default=None, metadata=in_json("comment", fields.text))
    empty_layer: bool = attrs.field(default=False, metadata=in_json("empty_layer", fields.flag))
