"""The looks of everything drawn as HTML, in one place: calm type, thin lines, middle tones."""

from lazyimg.notebook.text import escaped

MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"

# Every colour is seen on white and on black alike; text takes the page's own colour.
_RULES = (
    ("", "font:13px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:inherit;margin:4px 0"),
    ("-title", "font-weight:600;font-size:14px"),
    ("-soft", "opacity:.68"),
    ("-code", f"font:12px/1.5 {MONO};overflow-wrap:anywhere"),
    ("-scroll", "overflow:auto;max-height:640px;margin:6px 0"),
    ("-graph", "display:block;max-width:none"),
    ("-graph text", "fill:currentColor"),
    ("-graph path", "fill:none;stroke:#8792a6;stroke-width:1.3"),
    ("-graph .lazyimg-order", "stroke-dasharray:4 4;stroke-opacity:.75"),
    ("-graph .lazyimg-box", "fill:#8792a6;fill-opacity:.07;stroke:#8792a6;stroke-opacity:.55"),
    ("-graph .lazyimg-bar", "fill:#8792a6"),
    ("-graph .lazyimg-name", "font:600 13px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"),
    ("-graph .lazyimg-detail", f"font:10.5px {MONO};fill-opacity:.68"),
    ("-effectful .lazyimg-box", "fill:#d9822b;stroke:#d9822b"),
    ("-effectful .lazyimg-bar", "fill:#d9822b"),
    ("-known .lazyimg-box", "fill:#2f9e68;stroke:#2f9e68"),
    ("-known .lazyimg-bar", "fill:#2f9e68"),
    ("-more .lazyimg-box", "fill:none;stroke-dasharray:3 4"),
    ("-more .lazyimg-name", "font-weight:400;fill-opacity:.68"),
    ("-key", "display:inline-block;margin-right:16px;white-space:nowrap"),
    ("-key i", "display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px"),
    ("-key b", "display:inline-block;width:18px;border-top:1.5px dashed #8792a6;margin:0 6px 4px 0"),
    ("-table", "border-collapse:collapse;margin:6px 0;font-size:13px"),
    ("-table th", "text-align:left;font-weight:600;padding:3px 18px 3px 0;border-bottom:1px solid #8792a6"),
    ("-table td", "text-align:left;padding:3px 18px 3px 0;vertical-align:top;background:none"),
    ("-table td", "border-bottom:1px solid rgba(135,146,166,.25);overflow-wrap:anywhere;max-width:640px"),
    ("-table .lazyimg-number", "text-align:right;font-variant-numeric:tabular-nums"),
    ("-waits", "font-style:italic;opacity:.68"),
)


def _selector(name: str) -> str:
    """A rule's selector, as specific as Jupyter's own for the cells of tables, which come before it."""
    return f".lazyimg .lazyimg{name}" if name else ".lazyimg"


STYLE = "<style>" + "".join(f"{_selector(name)}{{{rules}}}" for name, rules in _RULES) + "</style>"

KINDS = {
    "pure": ("#8792a6", "computed"),
    "effectful": ("#d9822b", "touches the world"),
    "known": ("#2f9e68", "known already"),
}
"""The colour and the words of each kind of node that a legend explains."""


def block(*parts: str) -> str:
    """Parts of HTML as one block that carries its own looks."""
    return f'<div class="lazyimg">{STYLE}{"".join(parts)}</div>'


def line(text: str, kind: str) -> str:
    """A line of text, escaped, in the looks called ``kind``."""
    return f'<div class="lazyimg-{kind}">{escaped(text)}</div>'


def legend(kinds: set[str], *, order: bool) -> str:
    """What the colours and lines of a drawing mean; of those that it has."""
    keys = [
        f'<span class="lazyimg-key"><i style="background:{colour}"></i>{words}</span>'
        for kind, (colour, words) in KINDS.items()
        if kind in kinds
    ]
    if order:
        keys.append('<span class="lazyimg-key"><b></b>only after</span>')
    return f'<div class="lazyimg-soft">{"".join(keys)}</div>'
