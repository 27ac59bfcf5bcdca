"""Hostile documents made by script: small to carry, large to open."""

from __future__ import annotations

import io
import zlib

import pikepdf


def pdf_with(content: bytes, *, filters: int = 1, resources: pikepdf.Dictionary | None = None) -> pikepdf.Pdf:
    """A PDF of one page with this content stream, deflated so many times."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    page.Contents = deflated_stream(pdf, content, filters)
    if resources is not None:
        page.Resources = resources
    return pdf


def deflated_stream(pdf: pikepdf.Pdf, content: bytes, times: int) -> pikepdf.Stream:
    """A stream whose data are deflated as often as its filters say."""
    data = content
    for _ in range(times):
        data = zlib.compress(data, 9)
    stream = pikepdf.Stream(pdf, b"")
    stream.write(data, filter=pikepdf.Array([pikepdf.Name.FlateDecode] * times) if times else None)
    return stream


def saved(pdf: pikepdf.Pdf) -> bytes:
    """The file's bytes, streams left as they are."""
    target = io.BytesIO()
    pdf.save(target, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return target.getvalue()


def flate_bomb_in_page(size_bytes: int = 1_000_000_000) -> bytes:
    """A page whose content stream inflates to a gigabyte; about two kilobytes in the file."""
    return saved(_bomb(size_bytes, in_form=False))


def flate_bomb_in_form(size_bytes: int = 1_000_000_000) -> bytes:
    """The same in a form that the page draws, where no check of pages sees it."""
    return saved(_bomb(size_bytes, in_form=True))


def _bomb(size_bytes: int, *, in_form: bool) -> pikepdf.Pdf:
    inflater = zlib.compressobj(9)
    chunk = b"0 0 m 9 9 l S\n" * 75_000
    once = b"".join(inflater.compress(chunk) for _ in range(size_bytes // len(chunk))) + inflater.flush()
    twice = zlib.compress(once, 9)
    pdf = pdf_with(b"/Bomb Do" if in_form else b"")
    bomb = pikepdf.Stream(pdf, b"")
    bomb.write(twice, filter=pikepdf.Array([pikepdf.Name.FlateDecode] * 2))
    if in_form:
        bomb.Type, bomb.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
        bomb.BBox = pikepdf.Array([0, 0, 595, 842])
        pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Bomb=pdf.make_indirect(bomb)))
    else:
        pdf.pages[0].Contents = pdf.make_indirect(bomb)
    return pdf


def huge_image(side_pixels: int = 30_000) -> bytes:
    """A page that shows one grey picture of nearly a gigabyte, a few kilobytes in the file."""
    pdf = pdf_with(b"q 500 0 0 500 0 0 cm /Picture Do Q")
    compressor = zlib.compressobj(9)
    row = b"\x80" * side_pixels
    data = b"".join(compressor.compress(row) for _ in range(side_pixels)) + compressor.flush()
    picture = pikepdf.Stream(pdf, b"")
    picture.write(data, filter=pikepdf.Name.FlateDecode)
    picture.Type, picture.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    picture.Width = picture.Height = side_pixels
    picture.ColorSpace, picture.BitsPerComponent = pikepdf.Name.DeviceGray, 8
    pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Picture=pdf.make_indirect(picture)))
    return saved(pdf)


def many_pages(count: int = 10_000) -> bytes:
    """A PDF of so many empty pages."""
    pdf = pikepdf.new()
    for _ in range(count):
        pdf.add_blank_page(page_size=(200, 200))
    return saved(pdf)


def deeply_nested_pdf(depth: int = 50_000) -> bytes:
    """A PDF whose page holds an array within an array, so deep."""
    body = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    nested = b"[" * depth + b"]" * depth
    return (
        body
        + b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Odd "
        + nested
        + b">>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )


def deeply_nested_xml(depth: int = 100_000) -> bytes:
    """An XML document of one element in another."""
    return b"<a>" * depth + b"</a>" * depth


BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">]>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>&lol2;</ID></Invoice>"""

EXTERNAL_ENTITY = b"""<?xml version="1.0"?>
<!DOCTYPE Invoice [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>&secret;</ID></Invoice>"""


def slow_page(attached: bytes | None = None, lines: int = 20_000) -> bytes:
    """A page of finely dashed lines in a form: minutes of work, little memory; an invoice may hang on it."""
    pdf = pdf_with(b"/Form Do BT /F1 9 Tf (x) Tj ET")
    drawing = b"[1 2] 0 d 30 w 1 J 1 j " + b"0 0 m 590 840 l S\n" * lines
    form = pikepdf.Stream(pdf, b"")
    form.write(zlib.compress(drawing, 9), filter=pikepdf.Name.FlateDecode)
    form.Type, form.Subtype, form.BBox = pikepdf.Name.XObject, pikepdf.Name.Form, pikepdf.Array([0, 0, 595, 842])
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    pdf.pages[0].Resources = pikepdf.Dictionary(
        XObject=pikepdf.Dictionary(Form=pdf.make_indirect(form)), Font=pikepdf.Dictionary(F1=font)
    )
    if attached is not None:
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(pdf, attached, filename="factur-x.xml")
    return saved(pdf)


def javascript() -> bytes:
    """A PDF that asks to run a script when it is opened."""
    pdf = pdf_with(b"")
    action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="while (true) app.alert('x');")
    pdf.Root.OpenAction = pdf.make_indirect(action)
    return saved(pdf)
