"""The text of a web page or HTML mail as a person sees it: blocks as lines, table cells apart, nothing hidden."""

from __future__ import annotations

from typing import Final

from lxml import etree  # type: ignore[import-untyped]

from invoices.limits import Limits
from invoices.problems import DocumentRefused
from invoices.xml_tree import Element, local

_UNSEEN: Final = frozenset({"script", "style", "head", "template", "noscript", "title"})
_BLOCKS: Final = frozenset(
    {
        "p",
        "div",
        "br",
        "tr",
        "table",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "section",
        "header",
        "footer",
    }
    | {"hr", "address", "article", "blockquote", "pre", "dd", "dt"}
)
_CELLS: Final = frozenset({"td", "th"})
_DEPTH_MAX: Final = 200


def text_of_html(text: str, limits: Limits) -> str:
    """Lines as blocks give them. Raises DocumentRefused (damaged, too_large)."""
    if len(text) > limits.xml_bytes_max:
        raise DocumentRefused("too_large", f"a web page of {len(text)} characters", "web page")
    parser = etree.HTMLParser(no_network=True, huge_tree=False, recover=True, encoding="utf-8")
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise DocumentRefused("damaged", f"html: {error.msg}", "web page") from error
    if root is None:
        raise DocumentRefused("damaged", "an empty web page", "web page")
    pieces: list[str] = []
    _walk(root, pieces, 0)
    lines = (
        "  ".join(" ".join(cell.split()) for cell in line.split("\t")).strip() for line in "".join(pieces).split("\n")
    )
    return "\n".join(line for line in lines if line)[: limits.text_chars_max]


def _walk(element: Element, pieces: list[str], depth: int) -> None:
    name = local(element).lower()
    if not name or name in _UNSEEN or depth > _DEPTH_MAX or _is_hidden(element):
        return
    around = "\n" if name in _BLOCKS else "\t" if name in _CELLS else ""
    pieces.append(around)
    pieces.append((element.text or "").replace("\n", " ").replace("\t", " "))
    for part in element:
        _walk(part, pieces, depth + 1)
        pieces.append((getattr(part, "tail", None) or "").replace("\n", " ").replace("\t", " "))
    pieces.append(around)


def _is_hidden(element: Element) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return element.get("hidden") is not None or any(
        rule in style
        for rule in ("display:none", "visibility:hidden", "font-size:0", "opacity:0;", "color:#fff", "color:white")
    )
