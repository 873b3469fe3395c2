"""What registries list, page after page: tags, repositories, referrers (distribution-spec, "Discovery")."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lazyimg.errors import InvalidDocument, RegistryError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.index import Index
from lazyimg.registry.conversation import Answer, Conversation, Question
from lazyimg.registry.location import next_page
from lazyimg.registry.transport.wire import host_of

_MOST_PAGES = 10_000
_MOST_BYTES = 64 << 20  # of all pages together
FILTERED = "OCI-Filters-Applied"


def pages(conversation: Conversation, ask_for: Callable[[str | None], Question]) -> Iterator[Answer]:
    """Yield the answers of a list, one a page, following ``Link`` on the same host.

    Args:
        conversation: the registry.
        ask_for: words the question for the page at an address, or for the first page.

    Raises:
        RegistryError: the registry refused, or its list has no end.
    """
    page: str | None = None
    asked: set[str] = set()
    taken = 0
    for _ in range(_MOST_PAGES):
        question = ask_for(page)
        answer = conversation.ask(question)
        yield answer
        page = next_page(answer.url, answer.headers.get("Link"))
        if page is None:
            return
        taken += len(answer.data) + len(page)
        if taken > _MOST_BYTES or page in asked:
            break
        asked.add(page)
    raise RegistryError(
        f"cannot {question.doing}: the list has no end, it leads back to a page of it, or is over "
        f"{_MOST_PAGES} pages or {_MOST_BYTES} bytes"
    )


def listed(answers: Iterable[Answer], member: str, what: str) -> list[str]:
    """Read the pages of a list of names.

    Args:
        answers: the pages.
        member: the member of their JSON objects that holds the names: ``tags`` or ``repositories``.
        what: what is listed, for the message.

    Raises:
        InvalidDocument: one is no such list.
    """
    return [name for answer in answers for name in _names(answer, member, what)]


def _names(answer: Answer, member: str, what: str) -> list[str]:
    try:
        body: Any = json.loads(answer.data)
        names = body[member] or []
    except (ValueError, TypeError, KeyError, RecursionError):
        names = None
    if not isinstance(names, list):
        raise InvalidDocument(_odd(answer, what, f"list of {member}"))
    return [name for name in names if isinstance(name, str)]


def _odd(answer: Answer, doing: str, wanted: str) -> str:
    return f"cannot {doing}: {host_of(answer.url)} sent no {wanted}; is it a registry? Check host and port"


def referring(answer: Answer, artifact_type: str | None) -> list[Descriptor]:
    """Read one page of referrers, filtered here where the registry says that it did not.

    Raises:
        InvalidDocument: it is no index.
    """
    filtered = {name.strip() for name in str(answer.headers.get(FILTERED, "")).split(",")}
    try:
        found = Index.parse(answer.data).manifests
    except InvalidDocument as error:
        raise InvalidDocument(f"{_odd(answer, 'list the referrers', 'index of them')} ({error})") from None
    if artifact_type is None or "artifactType" in filtered:
        return list(found)
    return [entry for entry in found if entry.artifact_type == artifact_type]
