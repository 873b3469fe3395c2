"""The docker credential helper protocol: a program that keeps secrets and is asked for one.

``docker-credential-NAME get`` reads the server's address on standard input and prints a JSON object with
``Username`` and ``Secret``; that there are none it says in words, with a non-zero exit. ``store`` reads such
an object with ``ServerURL`` besides, ``erase`` the address.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

from attrs import field, frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.credentials import TOKEN_USER, Credentials, Secret

TIME_LIMIT = 20.0  # seconds
_SIZE_LIMIT = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND = ("credentials not found", "no credentials server url", "no credentials username")


def ask_helper(name: str, server: str, *, time_limit: float = TIME_LIMIT) -> Credentials | None:
    """Ask the credential helper ``docker-credential-NAME`` for the credentials of a server.

    Starts a process, and ends it and all it started when the time is over.

    Args:
        name: the helper's name as config files give it, such as ``pass`` or ``ecr-login``.
        server: the address the helper knows the registry by.
        time_limit: how many seconds the helper may take.

    Returns:
        The credentials, or None if the helper says that it has none.

    Raises:
        CredentialError: no such helper, a name that is no plain name, too slow, a failure, or junk. Nothing
            of what the helper printed is repeated: it could be a secret.
    """
    program = _program(name)
    output = _ask(program, "get", server, server, time_limit)
    return None if output is None else _read(program, server, output)


def store_in_helper(
    name: str, server: str, credentials: Credentials, *, time_limit: float = TIME_LIMIT
) -> None:
    """Give the credentials of a server to ``docker-credential-NAME`` to keep.

    Raises:
        CredentialError: no such helper, a name that is no plain name, too slow, or a failure.
    """
    username = TOKEN_USER if credentials.identity_token else credentials.username
    secret = credentials.identity_token or credentials.password
    told = Secret(json.dumps({"ServerURL": server, "Username": username, "Secret": secret}))
    _ask(_program(name), "store", server, told, time_limit)


def erase_from_helper(name: str, server: str, *, time_limit: float = TIME_LIMIT) -> bool:
    """Have ``docker-credential-NAME`` forget the credentials of a server; tell whether it had any to forget.

    Raises:
        CredentialError: no such helper, a name that is no plain name, too slow, or a failure.
    """
    return _ask(_program(name), "erase", server, server, time_limit) is not None


def _ask(program: str, verb: str, server: str, told: str, time_limit: float) -> "Output | None":
    """Run a helper; None is its way to say that it knows nothing of the server."""
    status, output = _run(program, verb, server, told, time_limit)
    if status == 0:
        return output
    if any(words in output.data.decode(errors="replace").lower() for words in _NOT_FOUND):
        return None
    raise CredentialError(
        f"{program} {verb} for {server} failed with exit status {status}; run it by hand to see why"
    )


@frozen
class Output:
    """What a helper printed, which no traceback is to show."""

    data: bytes = field(repr=False)


def _program(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CredentialError(
            f"the credential helper name {name[:80]!r} is refused: it is no plain program name"
        )
    program = f"docker-credential-{name}"
    if shutil.which(program) is None:
        raise CredentialError(f"the credential helper {program} is not installed, or not on PATH")
    return program


def _run(program: str, verb: str, server: str, told: str, time_limit: float) -> tuple[int, Output]:
    try:
        process = subprocess.Popen(  # noqa: S603 - the name is checked, and a helper is there to be run
            [program, verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise CredentialError(
            f"the credential helper {program} could not be started: {error.strerror}"
        ) from error
    with process:
        try:
            output, _ = process.communicate(told.encode(), timeout=time_limit)
        except subprocess.TimeoutExpired:
            raise CredentialError(
                f"{program} {verb} for {server} did not answer within {time_limit:g} s"
            ) from None
        finally:
            _end(process)
    return process.returncode, Output(output)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the helper and its children, which could hold its pipes open for ever."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(program: str, server: str, output: Output) -> Credentials:
    found = _parse(output.data) if len(output.data) <= _SIZE_LIMIT else None
    if found is None:
        raise CredentialError(f"{program} get for {server} printed no JSON object with Username and Secret")
    return found


def _parse(data: bytes) -> Credentials | None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    username, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str):
        return None
    return Credentials.of(username, secret)
