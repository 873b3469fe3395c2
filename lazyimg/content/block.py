"""The sizes that the bytes of a layer move in.

`BLOCK` is part of every gzip layer's digest: the compressor is given exactly this much at a time and is
flushed after it, so that the output depends on nothing but the input. It never changes.
"""

BLOCK = 2 << 20
"""Bytes of uncompressed content that are compressed on their own: 2 MiB."""

SLICE = 1 << 20
"""Bytes that a sink is given at a time, at most: 1 MiB, what uploads are fastest with."""

WAIT = 0.1
"""Seconds that a wait lasts, at most, before ``check()`` is asked whether to go on."""
