"""The token service (Docker Registry v2 authentication, by GET and in the manner of OAuth 2)."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from attrs import frozen
from starlette.responses import Response

from lazyimg.server.access import BASIC, SERVICE, name_and_password, unauthorized
from lazyimg.server.endpoints.body import read_limited
from lazyimg.server.endpoints.context import Context
from lazyimg.server.errors import ApiError
from lazyimg.server.scopes import parse_scopes
from lazyimg.server.tokens import InvalidToken, Tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

LIMIT = 64 << 10
"""The longest form accepted, in bytes."""

WRONG = "the name or the password is wrong"

Form = dict[str, list[str]]
"""Parameters by name, in the order given."""


@frozen
class TokenEndpoint:
    """The endpoint ``/token``."""

    context: Context

    def handlers(self) -> Mapping[str, Callable[[Request], Awaitable[Response]]]:
        """Return what answers each method."""
        return {"GET": self.get, "POST": self.post}

    @property
    def _tokens(self) -> Tokens:
        tokens = self.context.access.tokens
        assert tokens is not None  # noqa: S101 - without tokens there is no such endpoint
        return tokens

    async def get(self, request: Request) -> Response:
        """Answer GET: who asks says so by basic authentication, or not at all."""
        sent = request.headers.get("authorization")
        user = await self.context.judged(name_and_password(sent), self.context.access.user_of, sent)
        if user is None and sent is not None:
            raise unauthorized(BASIC, WRONG)
        form = {name: request.query_params.getlist(name) for name in request.query_params}
        return self._token(user, form, is_offline=_one(form, "offline_token") == "true")

    async def post(self, request: Request) -> Response:
        """Answer POST: a form with a password, or with the identity token that was given for one."""
        too_long = ApiError(413, "SIZE_INVALID", f"a form has at most {LIMIT} bytes")
        data = await read_limited(request, LIMIT, too_long)
        form = parse_qs(data.decode(errors="replace"), keep_blank_values=True)
        pair = _one(form, "username"), _one(form, "password")
        user = await self.context.judged(pair, self._identified, form)
        return self._token(user, form, is_offline=_one(form, "access_type") == "offline")

    def _identified(self, form: Form) -> str:
        """Return who a form names."""
        kind = _one(form, "grant_type")
        if kind == "refresh_token":
            try:
                return self._tokens.read_identity(_one(form, "refresh_token"))
            except InvalidToken as error:
                raise unauthorized(BASIC, str(error)) from None
        if kind != "password":
            raise ApiError(400, "UNSUPPORTED", "grant_type is password or refresh_token")
        name = _one(form, "username")
        if not self.context.access.is_user(name, _one(form, "password")):
            raise unauthorized(BASIC, WRONG)
        return name

    def _token(self, user: str | None, form: Form, *, is_offline: bool) -> Response:
        """Answer with a token for what is granted of what was asked for."""
        if _one(form, "service", SERVICE) != SERVICE:
            raise ApiError(400, "UNSUPPORTED", f"the service here is {SERVICE}")
        tokens, is_open = self._tokens, self.context.access.users is None
        if user is None and not (is_open or tokens.strangers or tokens.may):
            raise unauthorized(BASIC)
        scopes = tokens.grant(user, parse_scopes(form.get("scope", ())), is_open=is_open)
        token = tokens.issue(*scopes, user=user)
        answer: dict[str, Any] = {
            "token": token,
            "access_token": token,
            "expires_in": math.ceil(tokens.life),
            "issued_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "scope": " ".join(map(str, scopes)),
        }
        if is_offline and user is not None:
            answer["refresh_token"] = tokens.issue_identity(user)
        headers = {"Cache-Control": "no-store"}
        return Response(json.dumps(answer), 200, headers, media_type="application/json")


def _one(form: Mapping[str, Sequence[str]], name: str, default: str = "") -> str:
    """Return a parameter of a form; of several, the first."""
    return next(iter(form.get(name, ())), default)
