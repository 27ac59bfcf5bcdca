"""Bytes to an element tree that nothing hostile comes through, and small helpers to walk it by local names.

Decoding comes before parsing, so that a DOCTYPE cannot hide in another encoding: what the parser sees is always UTF-8
without a declaration. Every DOCTYPE is refused, so there are no entities, internal or external.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final, Protocol

from lxml import etree  # type: ignore[import-untyped]

from invoices.limits import Limits
from invoices.problems import DocumentRefused

_DECLARATION: Final = re.compile(r"\A<\?xml\s[^>]{0,400}?\?>")
_DECLARED_ENCODING: Final = re.compile(rb"""\A<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What invoices are written in. Others (UTF-7, EBCDIC) only ever carry an attack past a scanner.
_ENCODINGS: Final = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|us-?ascii|ascii|latin-?[129]|iso-?8859-?\d{1,2}|windows-?125\d|cp-?125\d", re.IGNORECASE
)
_PROLOG_PART: Final = re.compile(r"\s+|<!--.*?-->|<\?.*?\?>", re.DOTALL)
# XML 1.0 allows these control characters nowhere; some writers leave one in a text, and the parser would give up.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Element(Protocol):
    """What is used of an lxml element, which carries no types of its own."""

    @property
    def tag(self) -> object:
        """`{namespace}name` as a string; a function for comments and instructions."""

    @property
    def text(self) -> str | None:
        """Text before the first child."""

    def get(self, key: str) -> str | None:
        """An attribute's value."""

    def __iter__(self) -> Iterator[Element]: ...

    def __len__(self) -> int: ...


def decode_xml(content: bytes) -> str:
    """The document as text without byte order mark and declaration. Raises DocumentRefused (damaged, dangerous)."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _without_declaration(_decoded(content[len(mark) :], encoding))
    stripped = content.lstrip(b" \t\r\n\x00") if content[:1] in b" \t\r\n" else content
    if stripped[:4] in {b"<\x00?\x00", b"<\x00!\x00"} or (stripped[:1] == b"<" and stripped[1:2] == b"\x00"):
        return _without_declaration(_decoded(stripped, "utf-16-le"))
    if stripped[:2] == b"\x00<":
        return _without_declaration(_decoded(stripped, "utf-16-be"))
    declared = _DECLARED_ENCODING.match(stripped)
    encoding = declared.group(1).decode("ascii") if declared else "utf-8"
    if not _ENCODINGS.fullmatch(encoding):
        raise DocumentRefused("dangerous", f"XML in the unusual encoding {encoding}", "XML")
    return _without_declaration(_decoded(stripped, encoding))


def _decoded(content: bytes, encoding: str) -> str:
    """Decode as declared, else as UTF-8: many writers declare UTF-16 and store UTF-8."""
    for candidate in (encoding, "utf-8", "cp1252"):
        try:
            text = content.decode(candidate)
        except (UnicodeDecodeError, LookupError):
            continue
        if text.lstrip("\ufeff \t\r\n")[:1] == "<":
            return text
    raise DocumentRefused("damaged", f"the bytes are not {encoding}", "XML")


def _without_declaration(text: str) -> str:
    return _DECLARATION.sub("", text.lstrip("\ufeff \t\r\n"), count=1)


def parse_xml(content: bytes, limits: Limits) -> Element:
    """The root element. Raises DocumentRefused: dangerous (a DOCTYPE), too_large, damaged (not well-formed)."""
    if len(content) > limits.xml_bytes_max:
        raise DocumentRefused("too_large", f"XML of {len(content)} bytes; the limit is {limits.xml_bytes_max}", "XML")
    text = decode_xml(content)
    _refuse_doctype(text)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False, encoding="utf-8"
    )
    try:
        root = etree.fromstring(_FORBIDDEN.sub(" ", text).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if "Excessive depth" in str(error.msg):
            raise DocumentRefused("dangerous", "the XML is nested without end", "XML") from error
        raise DocumentRefused("damaged", f"not well-formed XML: {error.msg}", "XML") from error
    if int(root.xpath("count(//*)")) > limits.xml_elements_max:
        raise DocumentRefused("too_large", f"more than {limits.xml_elements_max} XML elements", "XML")
    element: Element = root
    return element


def _refuse_doctype(text: str) -> None:
    """Walk the prolog; whatever there is neither comment nor instruction nor the root element is refused."""
    position = 0
    while part := _PROLOG_PART.match(text, position):
        position = part.end()
    if text.startswith("<!", position):
        raise DocumentRefused("dangerous", "the XML has a DOCTYPE, which invoices never need", "XML")


def local(element: Element) -> str:
    """Local name of an element; empty for comments and instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace(element: Element) -> str:
    """Namespace URI of an element, or an empty string."""
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def children(parent: Element | None, path: str) -> Iterator[Element]:
    """Elements at a path of local names such as "A/B", in document order; "A|B" at a step matches either."""
    if parent is None:
        return
    step, _, rest = path.partition("/")
    names = step.split("|")
    for child in parent:
        if local(child) in names:
            if rest:
                yield from children(child, rest)
            else:
                yield child


def child(parent: Element | None, path: str) -> Element | None:
    """The first element at a path, or None."""
    return next(children(parent, path), None)


def texts(parent: Element | None, path: str) -> Iterator[str]:
    """The texts that are not blank at a path, with inner whitespace collapsed."""
    for element in children(parent, path):
        value = " ".join((element.text or "").split())
        if value:
            yield value


def text(parent: Element | None, *paths: str) -> str | None:
    """The first text that is not blank, at the first path that has one."""
    for path in paths:
        for value in texts(parent, path):
            return value
    return None
