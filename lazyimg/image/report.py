"""What a validation found, as a value that shows itself."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Self

from attrs import field, frozen

from lazyimg.errors import InvalidImage

if TYPE_CHECKING:
    from lazyimg.notebook.table import Table

Judgement = Literal["right", "wrong", "unchecked"]


@frozen
class Finding:
    """What was found of one thing.

    Attributes:
        what: the thing: ``config``, ``layer 2``, ``linux/arm64: history``.
        judgement: ``right``, ``wrong``, or ``unchecked``.
        said: what it is, what is wrong with it, or why it was not checked.
    """

    what: str
    judgement: Judgement
    said: str

    def within(self, what: str) -> "Finding":
        """The same, of a part of ``what``."""
        return Finding(f"{what}: {self.what}", self.judgement, self.said)


def _tuple(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(findings)


@frozen(repr=False)
class Report:
    """What a validation found, in the order of the image: manifest, config, history, layers.

    Attributes:
        title: what was validated.
        findings: of each thing one.
        fast: whether blobs were only looked for, and none of their bytes read.
    """

    title: str
    findings: tuple[Finding, ...] = field(converter=_tuple)
    fast: bool = False

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong; what was not checked is not."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(finding for finding in self.findings if finding.judgement == "wrong")

    def raise_if_wrong(self) -> Self:
        """Itself, if nothing is wrong.

        Raises:
            InvalidImage: something is; the message lists it.
        """
        if self.wrong:
            listed = "\n".join(f"- {finding.what}: {finding.said}" for finding in self.wrong)
            raise InvalidImage(f"{self.title} is not what its documents say:\n{listed}")
        return self

    def __repr__(self) -> str:
        return self._table().to_text()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> "Table":
        from lazyimg.notebook.table import Table  # noqa: PLC0415 - drawn on demand

        rows = tuple((finding.what, finding.judgement, finding.said) for finding in self.findings)
        end = f"{len(self.wrong)} wrong" if self.wrong else "nothing is wrong"
        notes = (end, "blobs were looked for, and not read") if self.fast else (end,)
        return Table(f"validate: {self.title}", ("", "", "found"), rows, notes)
