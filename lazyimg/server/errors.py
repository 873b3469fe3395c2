"""Refusals as values: an HTTP status and the distribution-spec's error code, message and detail.

Follows distribution-spec, "Error Codes": every refusal has a JSON body with a list of `errors`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApiError(Exception):
    """A request that is refused.

    Attributes:
        status: the HTTP status of the answer.
        code: one of the distribution-spec's error codes.
        message: one sentence for a person.
        detail: any JSON value that helps the client, or None.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer with the specification's JSON body; half a letter is escaped, as JSON allows."""
        error = {"code": self.code, "message": self.message, "detail": self.detail}
        body = json.dumps({"errors": [error]}, ensure_ascii=False).encode(errors="backslashreplace")
        return Response(body, self.status, self.headers, media_type="application/json")


def blob_unknown(digest: str) -> ApiError:
    """Return the refusal of a blob that the repository does not have."""
    return ApiError(404, "BLOB_UNKNOWN", "blob unknown to the repository", detail={"digest": digest})


def upload_unknown(upload: str) -> ApiError:
    """Return the refusal of an upload that was never begun, has ended or has expired."""
    return ApiError(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown to the registry", detail={"upload": upload})


def manifest_unknown(reference: str) -> ApiError:
    """Return the refusal of a manifest that the repository does not have."""
    return ApiError(
        404, "MANIFEST_UNKNOWN", "manifest unknown to the repository", detail={"reference": reference}
    )


def name_unknown(repository: str) -> ApiError:
    """Return the refusal of a repository that nothing was ever pushed to."""
    return ApiError(404, "NAME_UNKNOWN", "repository unknown to the registry", detail={"name": repository})


def name_invalid(repository: str) -> ApiError:
    """Return the refusal of a text that is no repository name."""
    return ApiError(400, "NAME_INVALID", "invalid repository name", detail={"name": repository})


def digest_invalid(digest: str, message: str) -> ApiError:
    """Return the refusal of a digest that is malformed or not that of the bytes sent."""
    return ApiError(400, "DIGEST_INVALID", message, detail={"digest": digest})


def manifest_invalid(message: str, detail: Any = None) -> ApiError:
    """Return the refusal of bytes that are no manifest, or of one that contradicts itself."""
    return ApiError(400, "MANIFEST_INVALID", message, detail=detail)


def denied(message: str = "requested access to the resource is denied") -> ApiError:
    """Return the refusal of a client that is known and may not."""
    return ApiError(403, "DENIED", message)


def unsupported(method: str, allowed: str) -> ApiError:
    """Return the refusal of a method that the endpoint does not have; ``allowed`` are those it has."""
    message = f"{method} is not supported here, only {allowed}"
    return ApiError(405, "UNSUPPORTED", message, headers={"Allow": allowed})


def no_space(reason: str) -> ApiError:
    """Return the refusal of what cannot be kept for want of space (RFC 4918, "507 Insufficient Storage").

    A 500 would be asked again, which does not help.
    """
    return ApiError(507, "UNKNOWN", f"the registry can keep no more: {reason}")
