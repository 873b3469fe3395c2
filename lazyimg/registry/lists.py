"""What registries list, page after page: tags, repositories, referrers (distribution-spec, "Discovery")."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from lazyimg.errors import InvalidDocument
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.index import Index
from lazyimg.registry.conversation import Answer, Conversation, Question
from lazyimg.registry.location import next_page

_MOST_PAGES = 10_000
FILTERED = "OCI-Filters-Applied"


def pages(conversation: Conversation, ask_for: Callable[[str | None], Question]) -> Iterator[Answer]:
    """Yield the answers of a list, one a page, following ``Link`` on the same host.

    Args:
        conversation: the registry.
        ask_for: words the question for the page at an address, or for the first page.

    Raises:
        RegistryError: the registry refused.
    """
    page: str | None = None
    for _ in range(_MOST_PAGES):
        answer = conversation.ask(ask_for(page))
        yield answer
        page = next_page(answer.url, answer.headers.get("Link"))
        if page is None:
            return


def listed(answer: Answer, member: str, what: str) -> list[str]:
    """Read one page of a list of names.

    Args:
        answer: the page.
        member: the member of its JSON object that holds the names: ``tags`` or ``repositories``.
        what: what is listed, for the message.

    Raises:
        InvalidDocument: it is no such list.
    """
    try:
        body: Any = json.loads(answer.data)
        return [name for name in body[member] or [] if isinstance(name, str)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidDocument(f"the answer to a request to {what} is no list of {member}") from None


def referring(answer: Answer, artifact_type: str | None) -> list[Descriptor]:
    """Read one page of referrers, filtered here where the registry says that it did not.

    Raises:
        InvalidDocument: it is no index.
    """
    filtered = {name.strip() for name in str(answer.headers.get(FILTERED, "")).split(",")}
    found = Index.parse(answer.data).manifests
    if artifact_type is None or "artifactType" in filtered:
        return list(found)
    return [entry for entry in found if entry.artifact_type == artifact_type]
