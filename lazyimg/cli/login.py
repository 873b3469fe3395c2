"""``lazyimg login`` and ``lazyimg logout``: credentials, checked and kept where all tools find them."""

from __future__ import annotations

import sys

import click

from lazyimg.cli.piped import as_utf8, password_from_stdin
from lazyimg.cli.wording import in_options, worded
from lazyimg.errors import LazyImgError

AUTH_FILE = click.option(
    "--authfile",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where they are kept. [default: $REGISTRY_AUTH_FILE, or Docker's config.json]",
)


@click.command()
@click.argument("registry")
@click.option("-u", "--username", metavar="NAME", help="Who logs in; asked for if it is not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--insecure", is_flag=True, help="Speak plain http, which loopback addresses need not be told.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Speak https, and trust these, too.",
)
@AUTH_FILE
def login(  # noqa: PLR0913 - what click was told of above
    registry: str,
    username: str | None,
    ca: str | None,
    authfile: str | None,
    *,
    password_stdin: bool,
    insecure: bool,
) -> None:
    """Check credentials with a REGISTRY, and keep them for it.

    REGISTRY is one such as ghcr.io, docker.io or localhost:5000, or a namespace of one, such as quay.io/team.
    With https:// before it, or --ca, it is spoken to over https, on a loopback address too.
    A password is read from the terminal, or by --password-stdin, and never from the command line.
    """
    from lazyimg.engine import Engine  # noqa: PLC0415 - help must not load what it needs
    from lazyimg.logins import login as log_in  # noqa: PLC0415 - as above
    from lazyimg.registry.host import Host  # noqa: PLC0415 - as above
    from lazyimg.registry.keychains.auth_store import LoginName  # noqa: PLC0415 - as above

    name = LoginName.parse(registry)
    if insecure and (ca or name.scheme == "https"):
        raise click.UsageError(
            f"--insecure is plain http, and {'--ca' if ca else 'https://'} is not: which is it?"
        )
    username, password = _asked(username, from_stdin=password_stdin)
    with Engine(hosts={name.registry: Host(scheme="http" if insecure else None, ca=ca)}) as engine:
        try:
            kept = log_in(registry, username, password, auth_file=authfile, engine=engine)
        except LazyImgError as error:
            raise click.ClickException(in_options("\n".join(worded(error)))) from error
    click.echo(f"logged in to {kept.registry} as {kept.username}; kept in {kept.kept}")


@click.command()
@click.argument("registry")
@AUTH_FILE
def logout(registry: str, authfile: str | None) -> None:
    """Forget the credentials of a REGISTRY.

    It is no failure if there are none.
    """
    from lazyimg.logins import logout as log_out  # noqa: PLC0415 - as above

    was = log_out(registry, auth_file=authfile)
    click.echo(f"logged out of {registry}" if was else f"not logged in to {registry}")


def _asked(username: str | None, *, from_stdin: bool) -> tuple[str, str]:
    """Return who logs in, and the password, of which one line end is no part.

    Raises:
        click.UsageError: they would have to be asked for, and nobody is there.
    """
    from lazyimg.registry.secret import Secret  # noqa: PLC0415 - attrs is loaded on use

    if from_stdin:
        if not username:
            raise click.UsageError("--password-stdin needs --username: standard input holds the password")
        return as_utf8(username, "the user name"), password_from_stdin()
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask: pipe the password to --password-stdin")
    name = as_utf8(username or click.prompt("Username", type=str), "the user name")
    return name, Secret(as_utf8(click.prompt("Password", type=str, hide_input=True), "the password"))
