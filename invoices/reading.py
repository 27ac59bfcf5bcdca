"""From the bytes of a document to the invoices in it: the surest source first, each fall to the next with its reason.

A reading is a pure function of the bytes and the configuration. It never raises: what cannot be read is a `Problem`.
Weakness: it has no clock. Time and memory are limited from outside, by the process that runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from invoices.checks import check_invoice, compare_with_text
from invoices.containers import Member, gzip_members, mail_members, signed_members, zip_members
from invoices.html_text import text_of_html
from invoices.invoice import Invoice, InvoiceWarning
from invoices.layout import Layout, layout_of_text
from invoices.limits import DEFAULT_LIMITS, Limits
from invoices.pdf import attached_xml, page_text
from invoices.problems import DocumentRefused, Problem
from invoices.reading_record import Reading, Step
from invoices.sniffing import decoded_text, sniff
from invoices.text import describe_document, read_invoices
from invoices.xml import read_xml

if TYPE_CHECKING:
    from invoices.ocr.reading import Ocr, SeenDocument

# Drawing pages, and each engine that looks at them, are sources of their own: one that costs a reader leaves others.
SOURCES: Final = ("xml", "text", "pictures", "rapidocr", "tesseract")
# A page with fewer letters than this is a picture, whatever stands beside it: a page number, a stamp.
_PAGE_LETTERS_MIN: Final = 40
_READABLE_SHARE_MIN: Final = 0.8  # of a page's letters; below it its fonts do not say which letters they draw
_SEEN_SHARE_MIN: Final = 0.6  # of hidden words that the picture shows: then they are its transcript, as scanners add it
_HIDDEN_CHARS_MIN: Final = 12  # fewer are specks that a font leaves, not a message


def _ignore(source: str) -> None:
    """Take no notice of the source that is about to be tried."""


class _Course:
    """One reading under way: its sources, and what has been learnt so far."""

    def __init__(
        self, limits: Limits, skip_sources: frozenset[str], enter: Callable[[str], None], ocr: Ocr | None
    ) -> None:
        self.limits, self.skip_sources, self._enter = limits, skip_sources, enter
        self.ocr = ocr
        self.pictures_left = limits.ocr_pages_max
        self.trail: list[Step] = []
        self.warnings: list[InvoiceWarning] = []
        self.problems: list[Problem] = []
        self.page_count: int | None = None
        self.shown: list[str] = []
        self.depth = 0

    def may_try(self, source: str) -> bool:
        """Say that a source is about to be tried; False when it is to be skipped."""
        if source in self.skip_sources:
            self.note(source, "skipped")
            return False
        self._enter(source)
        return True

    def note(self, source: str, outcome: str, detail: str = "") -> None:
        self.trail.append(Step(source, outcome, detail[:300]))

    def refuse(self, source: str, refused: DocumentRefused) -> None:
        self.problems.append(refused.problem)
        self.note(source, refused.problem.code, refused.problem.detail)


def read_document(
    name: str,
    media_type: str | None,
    content: bytes,
    limits: Limits = DEFAULT_LIMITS,
    *,
    skip_sources: frozenset[str] = frozenset(),
    enter: Callable[[str], None] = _ignore,
    ocr: Ocr | None = None,
) -> Reading:
    """Read one document. Never raises but for MemoryError.

    name, media_type: as the sender gave them; they end up in no decision. skip_sources: sources not to try (`SOURCES`),
    because they have cost a reader its life. enter: told each source before it is tried. ocr: what reads pictures;
    without it a reading says in its trail that it wants one (`Reading.wants_ocr`).
    """
    del name, media_type
    kind, what = sniff(content)
    course = _Course(limits, skip_sources, enter, ocr)
    if len(content) > limits.document_bytes_max:
        detail = f"{len(content)} bytes; the limit is {limits.document_bytes_max}"
        return Reading(kind, what, problem=Problem("too_large", detail, what))
    try:
        invoices = _READERS[kind](content, course) if kind in _READERS else _refuse_kind(kind, what)
    except DocumentRefused as refused:
        course.refuse(kind, refused)
        invoices = ()
    return _finished(kind, what, invoices, course)


def _finished(kind: str, what: str, invoices: tuple[Invoice, ...], course: _Course) -> Reading:
    problem = None
    if not invoices:
        problem = _worst(course.problems) or Problem("unsupported", "no source was left to try", what)
    return Reading(
        kind=kind,
        what=what,
        invoices=tuple(check_invoice(invoice) for invoice in invoices),
        problem=problem,
        warnings=tuple(course.warnings),
        trail=tuple(course.trail),
        page_count=course.page_count,
        text="\n".join(course.shown)[: course.limits.open_text_chars_max] if _leaves_open(invoices) else "",
    )


def _leaves_open(invoices: tuple[Invoice, ...]) -> bool:
    """Whether something is missing that every invoice says."""
    return not invoices or any(invoice.value(name) is None for invoice in invoices for name in _SAID_BY_ALL)


_SAID_BY_ALL: Final = ("number", "issue_date", "currency", "gross", "seller.name")

# The reason that helps a person most comes first.
_PROBLEM_ORDER: Final = (
    "dangerous",
    "encrypted",
    "too_large",
    "no_text",
    "not_an_invoice",
    "unsupported",
    "damaged",
    "empty",
)


def _worst(problems: list[Problem]) -> Problem | None:
    return min(problems, key=lambda problem: _PROBLEM_ORDER.index(problem.code), default=None)


def _refuse_kind(kind: str, what: str) -> tuple[Invoice, ...]:
    if kind == "empty":
        raise DocumentRefused("empty", "the file has no content", what)
    raise DocumentRefused("unsupported", f"a {what} is not read", what)


def _read_xml_document(content: bytes, course: _Course) -> tuple[Invoice, ...]:
    if not course.may_try("xml"):
        return ()
    syntax, invoices = read_xml(content, course.limits)
    course.note("xml", "read", syntax)
    return invoices


def _read_pdf(content: bytes, course: _Course) -> tuple[Invoice, ...]:
    structured = _read_attachments(content, course)
    layout = _read_pages(content, course)
    if structured:
        _warn_of_hidden(layout, course)
        return tuple(compare_with_text(invoice, layout) for invoice in structured) if layout else structured
    if layout is None and "text" not in course.skip_sources:
        return ()  # it cannot be opened
    pictures = _pages_to_see(layout, course)
    has_text = layout is not None and bool(layout.segments)
    see_too = bool(pictures) and course.ocr is not None
    found = _read_text(layout, course, has_pictures=see_too) if layout and has_text else ()
    if pictures and has_text and not found and not see_too:
        course.note("ocr", "wanted")  # what the text says it is stands until somebody has seen the pictures
    if found or not pictures or (has_text and not see_too):
        _warn_of_hidden(layout, course)
        return found
    return _see_pages(content, pictures, layout, course)


def _pages_to_see(layout: Layout | None, course: _Course) -> list[int]:
    """The numbers of the pages that show no text of their own, or none that can be read."""
    if layout is None:
        return list(range(1, course.limits.ocr_pages_max + 1))
    return [page.number for page in layout.pages if page.width and not _is_readable(page.text())]


def _is_readable(text: str) -> bool:
    letters = [char for char in text if not char.isspace()]
    known = sum(1 for char in letters if char.isascii() or (char.isalnum() and char < "\u0400") or char in "€£–’•°")  # noqa: RUF001
    return len(letters) >= _PAGE_LETTERS_MIN and known >= _READABLE_SHARE_MIN * len(letters)


def _see_pages(content: bytes, numbers: list[int], layout: Layout | None, course: _Course) -> tuple[Invoice, ...]:
    """Read pages by their looks."""
    chosen = numbers[: course.pictures_left]
    seen = _seen(course, lambda ocr: ocr.read_pages(content, chosen, course.limits, course.may_try))
    if seen is None:
        _warn_of_hidden(layout, course)
        return ()
    _warn_of_hidden(layout, course, seen.layout)
    return _read_seen(seen, course)


def _read_image(content: bytes, course: _Course) -> tuple[Invoice, ...]:
    seen = _seen(course, lambda ocr: ocr.read_image(content, course.limits, course.may_try))
    return () if seen is None else _read_seen(seen, course)


def _seen(course: _Course, read: Callable[[Ocr], SeenDocument | None]) -> SeenDocument | None:
    """What the engines make of pictures; None when there is none, or nothing to see, which is noted."""
    seen = None
    if course.ocr is None:
        course.note("ocr", "wanted")
        course.problems.append(Problem("no_text", "a picture has no text that can be read without recognition", "scan"))
        return None
    if course.pictures_left > 0 and course.may_try("pictures"):
        seen = read(course.ocr)
    if seen is None:
        course.refuse("ocr", DocumentRefused("no_text", "there is only a picture, and nothing here reads it", "scan"))
        return None
    course.pictures_left -= len(seen.layout.pages)
    if not seen.layout.segments:
        course.refuse("ocr", DocumentRefused("no_text", "the pages show no text, only pictures or nothing", "scan"))
        return None
    return seen


def _read_seen(seen: SeenDocument, course: _Course) -> tuple[Invoice, ...]:
    course.shown.append(seen.layout.text())
    if seen.invoice is None:
        what = describe_document(seen.layout)
        course.refuse("ocr", DocumentRefused("not_an_invoice", f"what it shows is no invoice but {what}", what))
        return ()
    course.note("ocr", "read", f"{len(seen.invoice.fields)} fields")
    return (seen.invoice,)


def _read_attachments(content: bytes, course: _Course) -> tuple[Invoice, ...]:
    if not course.may_try("xml"):
        return ()
    try:
        attachments = attached_xml(content, course.limits)
    except DocumentRefused as refused:
        course.refuse("xml", refused)
        return ()
    for attachment in attachments:
        try:
            syntax, invoices = read_xml(attachment.content, course.limits)
        except DocumentRefused as refused:
            course.note("xml", refused.problem.code, f"{attachment.name}: {refused.problem.detail}")
            continue
        course.note("xml", "read", f"{attachment.name}: {syntax}")
        return invoices
    if not attachments:
        course.note("xml", "none", "no XML is attached")
    return ()


def _read_pages(content: bytes, course: _Course) -> Layout | None:
    if not course.may_try("text"):
        return None
    try:
        layout, repaired = page_text(content, course.limits)
    except DocumentRefused as refused:
        course.refuse("text", refused)
        return None
    course.page_count = layout.page_count
    if repaired:
        course.note("text", "repaired", repaired)
    _warn_of_pages(layout, course)
    if not layout.segments:
        course.note("text", "none", "the pages show no text, only pictures or nothing")
    return layout


def _warn_of_pages(layout: Layout, course: _Course) -> None:
    if layout.page_count > len(layout.pages):
        read, total = str(len(layout.pages)), str(layout.page_count)
        course.warnings.append(
            InvoiceWarning(
                "pages_left_out", f"Only the first {read} of {total} pages were read", {"read": read, "total": total}
            )
        )


def _warn_of_hidden(layout: Layout | None, course: _Course, seen: Layout | None = None) -> None:
    """Warn of text that nobody can see. seen: what the pictures of the same pages show."""
    pages = layout.pages if layout is not None else ()
    hidden = " ".join(page.hidden for page in pages if len(page.hidden) >= _HIDDEN_CHARS_MIN)
    if hidden and not (seen is not None and _is_transcript(hidden, seen)):
        excerpt = hidden[:120]
        course.warnings.append(
            InvoiceWarning(
                "invisible_text", f"The file holds text that nobody can see: {excerpt}", {"excerpt": excerpt}
            )
        )


def _is_transcript(hidden: str, seen: Layout) -> bool:
    """Whether hidden words are what the picture shows, as the programs of scanners put them behind it."""
    shown = "".join(seen.text().split()).casefold()
    words = [word.casefold() for word in hidden.split()]
    return sum(1 for word in words if word in shown) >= _SEEN_SHARE_MIN * len(words)


def _read_text(layout: Layout, course: _Course, *, has_pictures: bool = False) -> tuple[Invoice, ...]:
    course.shown.append(layout.text())
    invoices = read_invoices(layout)
    if not invoices and has_pictures:
        course.note("text", "none", "no invoice in the text, and pages without any")
        return ()
    if not invoices:
        what = describe_document(layout)
        course.refuse("text", DocumentRefused("not_an_invoice", f"the text is no invoice but {what}", what))
        return ()
    course.note("text", "read", f"{sum(len(invoice.fields) for invoice in invoices)} fields")
    return invoices


def _read_plain_text(content: bytes, course: _Course) -> tuple[Invoice, ...]:
    if not course.may_try("text"):
        return ()
    text = decoded_text(content) or ""
    layout = layout_of_text(text, course.limits.text_chars_max)
    return _read_text(layout, course)


def _read_web_page(content: bytes, course: _Course) -> tuple[Invoice, ...]:
    if not course.may_try("text"):
        return ()
    text = text_of_html(decoded_text(content) or "", course.limits)
    return _read_text(layout_of_text(text, course.limits.text_chars_max), course)


def _read_members(members: Iterator[Member], course: _Course) -> tuple[Invoice, ...]:
    """The invoices in a container's files; what only accompanies them is looked at when they hold none."""
    if course.depth >= course.limits.container_depth_max:
        raise DocumentRefused("dangerous", "containers within containers within containers", "archive")
    course.depth += 1
    found: list[Invoice] = []
    try:
        for member in members:
            if member.fallback and found:
                break
            found += [invoice for invoice in _read_member(member, course) if invoice not in found]
    except DocumentRefused as refused:
        course.refuse("container", refused)  # what was read before the damage counts
    finally:
        course.depth -= 1
    if not found and not course.problems:
        course.refuse("container", DocumentRefused("empty", "there is nothing in it", "archive"))
    return tuple(found)


def _read_member(member: Member, course: _Course) -> tuple[Invoice, ...]:
    kind, what = sniff(member.content)
    course.note("container", kind, member.name)
    try:
        return _READERS[kind](member.content, course) if kind in _READERS else _refuse_kind(kind, what)
    except DocumentRefused as refused:
        course.refuse(kind, refused)
        return ()


def _container(
    members_of: Callable[[bytes, Limits], Iterator[Member]],
) -> Callable[[bytes, _Course], tuple[Invoice, ...]]:
    return lambda content, course: _read_members(members_of(content, course.limits), course)


_READERS: Final[dict[str, Callable[[bytes, _Course], tuple[Invoice, ...]]]] = {
    "xml": _read_xml_document,
    "pdf": _read_pdf,
    "image": _read_image,
    "text": _read_plain_text,
    "html": _read_web_page,
    "zip": _container(zip_members),
    "email": _container(mail_members),
    "gzip": _container(gzip_members),
    "signed": _container(signed_members),
}
