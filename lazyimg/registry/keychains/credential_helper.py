"""The docker credential helper protocol: a program that keeps secrets and is asked for one.

``docker-credential-NAME get`` reads the server's address on standard input and prints a JSON object with
``Username`` and ``Secret``; that there are none it says in words, with a non-zero exit. ``store`` reads such
an object with ``ServerURL`` besides, ``erase`` the address.
"""

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import time

from attrs import field, frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.credentials import TOKEN_USER, Credentials
from lazyimg.registry.secret import Secret

TIME_LIMIT = 20.0  # seconds
_SIZE_LIMIT = 1 << 20
_TOLD_LIMIT = 15_000
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
        raise CredentialError(
            f"the credential helper {program} is not installed, or not on PATH: install it, or take it out "
            "of credsStore and credHelpers in the file that names it"
        )
    return program


def _run(program: str, verb: str, server: str, told: str, time_limit: float) -> tuple[int, Output]:
    if len(told) > _TOLD_LIMIT:
        raise CredentialError(f"what {program} is to keep for {server} is over {_TOLD_LIMIT} letters")
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
            output = _talk(process, told.encode(), time_limit)
        except subprocess.TimeoutExpired:
            raise CredentialError(
                f"{program} {verb} for {server} did not answer within {time_limit:g} s"
            ) from None
        finally:
            _end(process)
    if len(output) > _SIZE_LIMIT:
        raise CredentialError(f"{program} {verb} for {server} printed more than {_SIZE_LIMIT} bytes")
    return process.returncode, Output(output)


def _talk(process: "subprocess.Popen[bytes]", told: bytes, time_limit: float) -> bytes:
    """Tell the helper what it is to know, and read what it prints, little more than the limit at most."""
    assert process.stdin is not None  # noqa: S101 - it was asked for
    assert process.stdout is not None  # noqa: S101 - it was asked for
    end, data = time.monotonic() + time_limit, bytearray()
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(told)  # less than any pipe holds, so that it does not wait
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while len(data) <= _SIZE_LIMIT:
            if not waiting.select(max(0.0, end - time.monotonic())):
                raise subprocess.TimeoutExpired(process.args, time_limit)
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                process.wait(max(0.0, end - time.monotonic()))
                break
            data += part
    return bytes(data)


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
