"""``lazyimg registry serve``: the embedded registry as a program, until it is interrupted."""

from __future__ import annotations

import re
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lazyimg.cli.guards import Guards, guarded
from lazyimg.cli.server_log import telling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from lazyimg.server.registry import Registry

HOST, PORT = "127.0.0.1", 5000
_PORTS = range(65536)
_ADDRESS = re.compile(r"(?P<host>[^:\[\]]*|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{1,5}))?")


def parse_address(text: str) -> tuple[str, int]:
    """Return the host and the port that an address names; one of the two may be left out.

    >>> parse_address("127.0.0.1:5000"), parse_address("[::1]:0")
    (('127.0.0.1', 5000), ('::1', 0))
    >>> parse_address(":5001"), parse_address("0.0.0.0")
    (('127.0.0.1', 5001), ('0.0.0.0', 5000))

    Raises:
        click.BadParameter: it is no HOST:PORT.
    """
    found = _ADDRESS.fullmatch(text)
    port = int(found["port"] or PORT) if found else -1
    if found is None or not text or found["host"].isdigit() or port not in _PORTS:
        raise click.BadParameter(f"{text!r} is no HOST:PORT, such as 127.0.0.1:5000, [::1]:5000 or :5000")
    return found["host"].strip("[]") or HOST, port


@click.command()
@click.option(
    "--address",
    default=f"{HOST}:{PORT}",
    metavar="HOST:PORT",
    help="Where to listen; what is left out of it is as in the default.",
    show_default=True,
)
@click.option("--disk", type=click.Path(file_okay=False), metavar="DIR", help="Keep what is pushed in DIR.")
@click.option("--durable", is_flag=True, help="Have what was pushed survive a power cut: slower.")
@click.option("--read-only", is_flag=True, help="Refuse pushes and deletes.")
@click.option("--verbose", is_flag=True, help="Tell each request, and more of errors, on standard error.")
@guarded
def serve(
    address: str, disk: str | None, *, durable: bool, read_only: bool, verbose: bool, **options: Any
) -> None:
    """Serve an OCI registry, in memory or on disk, until interrupted.

    A port of 0 takes a free one; the first line printed names it. With --tls, the second one names the file
    by which clients trust it: `lazyimg login --ca FILE`, `li.Host(ca=FILE)`; its directory is a --cert-dir
    for skopeo, buildah, podman.

    What fails, such as a disk that is full, is told on standard error.
    """
    if durable and not disk:
        raise click.UsageError("--durable without --disk: what is in memory survives nothing")
    host, port = parse_address(address)
    guards = Guards(**options)
    with (
        _interruption() as stop,
        telling(everything=verbose),
        guards.settings(host) as settings,
        _started(disk, host, port, durable=durable, read_only=read_only, **settings) as registry,
    ):
        click.echo(f"serving {disk or 'from memory'} on {registry.url} (Ctrl-C stops it)")
        if guards.tls:
            click.echo(f"clients trust it by {registry.settings['ca']}")
        stop.wait()


def _started(disk: str | None, host: str, port: int, **settings: Any) -> Registry:
    """Return a registry that is running; nobody asks it for its requests, so it remembers none."""
    from lazyimg.server.registry import Registry  # noqa: PLC0415 - other commands need no server
    from lazyimg.server.serving import named  # noqa: PLC0415 - as above

    try:
        return Registry(disk, host=host, port=port, remember=0, **settings).start()
    except OSError as error:
        what = f"cannot serve {disk} on" if disk else "cannot serve on"
        raise click.ClickException(f"{what} {named(host, port)}: {error}") from error


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Yield what SIGINT, SIGTERM and SIGHUP set, instead of what they do outside, unless they are ignored."""
    stop = threading.Event()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupted)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
