"""Structured invoices: dialects, encodings, envelopes, and what no parser may be given."""

import codecs
from decimal import Decimal

import pytest
from examples_here import content, expected
from hostile import BILLION_LAUGHS, EXTERNAL_ENTITY, deeply_nested_xml
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.invoice import Invoice, to_protocol
from invoices.limits import Limits
from invoices.problems import DocumentRefused
from invoices.xml import read_xml

UBL = content("invoice-de.ubl.xml")
CII = content("invoice-en.cii.xml")
FATTURA = """<?xml version="1.0"?>
<p:FatturaElettronica xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2" versione="FPR12">
<FatturaElettronicaHeader><CedentePrestatore><DatiAnagrafici>
<IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>00743110157</IdCodice></IdFiscaleIVA>
<Anagrafica><Nome>Anna</Nome><Cognome>Bianchi</Cognome></Anagrafica></DatiAnagrafici></CedentePrestatore>
<CessionarioCommittente><DatiAnagrafici><Anagrafica><Denominazione>Comune di Prova</Denominazione></Anagrafica>
</DatiAnagrafici></CessionarioCommittente></FatturaElettronicaHeader>
{bodies}</p:FatturaElettronica>"""
BODY = """<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>{type}</TipoDocumento>
<Divisa>EUR</Divisa><Data>2026-02-01</Data><Numero>{number}</Numero></DatiGeneraliDocumento></DatiGenerali>
<DatiBeniServizi><DettaglioLinee><Descrizione>Lavoro</Descrizione><PrezzoTotale>100.00</PrezzoTotale>
<AliquotaIVA>22.00</AliquotaIVA></DettaglioLinee><DatiRiepilogo><AliquotaIVA>22.00</AliquotaIVA>
<ImponibileImporto>100.00</ImponibileImporto><Imposta>22.00</Imposta></DatiRiepilogo></DatiBeniServizi>
<DatiPagamento><DettaglioPagamento><ImportoPagamento>61.00</ImportoPagamento></DettaglioPagamento>
<DettaglioPagamento><ImportoPagamento>61.00</ImportoPagamento></DettaglioPagamento></DatiPagamento>
</FatturaElettronicaBody>"""


def first(raw: bytes) -> Invoice:
    """The only invoice of a document."""
    _, (invoice,) = read_xml(raw)
    return invoice


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("invoice-de.ubl.xml", "ubl-invoice"),
        ("credit-note-en.ubl.xml", "ubl-creditnote"),
        ("invoice-en.cii.xml", "cii"),
    ],
)
def test_given_an_example_when_read_then_every_field_is_as_written(name: str, syntax: str) -> None:
    """UBL invoice, UBL credit note and CII, field by field, each from the source xml."""
    truth = expected()[name]

    found_syntax, (invoice,) = read_xml(content(name))

    shown = to_protocol(invoice)
    assert found_syntax == syntax
    assert {key: shown[key] for key in shown if key != "fields"} == {
        key: value for key, value in (truth or {}).items() if key != "fields"
    }
    assert {source["source"] for source in shown["fields"].values()} == {"xml"}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16"),
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16-le"),
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16-be"),
        lambda text: text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        lambda text: text.replace("UTF-8", "windows-1252").encode("cp1252"),
        lambda text: text.replace("UTF-8", "UTF-16").encode(),
        lambda text: ("\n\n  " + text).encode(),
        lambda text: text.partition("?>")[2].encode(),
        lambda text: (
            text.replace("cbc:", "a:").replace(":cbc", ":a").replace("cac:", "b:").replace(":cac", ":b").encode()
        ),
        lambda text: text.replace("<cbc:ID>RE", "<!-- number --><cbc:ID>\n\t RE").encode(),
        lambda text: text.replace("xsd:Invoice-2", "xsd:Invoice-2.1").encode(),
    ],
    ids=[
        "bom",
        "utf16",
        "utf16le",
        "utf16be",
        "latin1",
        "cp1252",
        "lying",
        "space",
        "bare",
        "prefixes",
        "comment",
        "uri",
    ],
)
def test_given_the_same_invoice_in_other_clothes_when_read_then_it_is_the_same(change) -> None:  # noqa: ANN001
    """Byte order marks, encodings, prefixes, comments and namespace versions change nothing."""
    plain = first(UBL)

    dressed = first(change(UBL.decode()))

    assert dressed == plain


@pytest.mark.parametrize("prolog", ["", "<!-- x -->", "<?xml-stylesheet href='x'?>\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_given_a_doctype_in_any_encoding_when_read_then_it_is_refused(prolog: str, encoding: str) -> None:
    """No entity is ever declared, so none is ever expanded or fetched."""
    declaration = f"<?xml version='1.0' encoding='{encoding}'?>"
    raw = f"{declaration}{prolog}<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode(encoding)

    with pytest.raises(DocumentRefused) as refused:
        read_xml(raw)

    assert refused.value.problem.code == "dangerous"


@pytest.mark.parametrize("raw", [BILLION_LAUGHS, EXTERNAL_ENTITY, deeply_nested_xml()])
def test_given_an_attack_when_read_then_it_is_called_dangerous(raw: bytes) -> None:
    """Entity expansion, external entities, endless nesting."""
    with pytest.raises(DocumentRefused) as refused:
        read_xml(raw)

    assert refused.value.problem.code == "dangerous"


@pytest.mark.parametrize(
    ("raw", "code", "what"),
    [
        (b"<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'/>", "not_an_invoice", "UBL Order"),
        (b"<SCRDMCCBDACIOMessageStructure xmlns='urn:un:unece:uncefact:x'/>", "not_an_invoice", "Order-X order"),
        (b"<Facturae xmlns='http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml'/>", "unsupported", None),
        (b"<Invoice xmlns='http://www.ebinterface.at/schema/6p1/'/>", "unsupported", "Invoice"),
        (b"<note><to>you</to></note>", "not_an_invoice", "XML document <note>"),
        (b"<a><b></a>", "damaged", "XML"),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", "dangerous", "XML"),
    ],
)
def test_given_another_document_when_read_then_it_is_told_what_it_is(raw: bytes, code: str, what: str | None) -> None:
    """This is not an invoice comes with what it is."""
    with pytest.raises(DocumentRefused) as refused:
        read_xml(raw)

    assert refused.value.problem.code == code
    assert what is None or refused.value.problem.what == what


def test_given_an_envelope_when_read_then_the_invoice_inside_is_found() -> None:
    """Peppol wraps its documents in a StandardBusinessDocument."""
    inner = UBL.decode().partition("?>")[2]
    raw = f"<StandardBusinessDocument xmlns='urn:x'><StandardBusinessDocumentHeader/>{inner}</StandardBusinessDocument>"

    invoice = first(raw.encode())

    assert invoice == first(UBL)


def test_given_amounts_in_two_currencies_when_read_then_the_invoices_own_count() -> None:
    """BT-110 is in the invoice's currency, BT-111 in the tax authority's."""
    twice = CII.replace(
        b'<ram:TaxTotalAmount currencyID="GBP">',
        b'<ram:TaxTotalAmount currencyID="EUR">999.99</ram:TaxTotalAmount><ram:TaxTotalAmount currencyID="GBP">',
    )

    invoice = first(twice)

    assert invoice.tax == Decimal("470.00")


@pytest.mark.parametrize(("written", "warned"), [("12,50", True), ("1e3", True), ("abc", True), ("", False)])
def test_given_an_amount_that_is_none_when_read_then_it_is_left_out_and_named(written: str, warned: bool) -> None:  # noqa: FBT001
    """A guess could be wrong by a factor of a hundred."""
    raw = UBL.replace(b">1264.50</cbc:TaxExclusiveAmount>", f">{written}</cbc:TaxExclusiveAmount>".encode())

    invoice = first(raw)

    assert invoice.net is None
    assert "net" not in invoice.fields
    assert any(warning.code == "unreadable_value" for warning in invoice.warnings) == warned


def test_given_several_bodies_when_read_then_each_is_an_invoice() -> None:
    """One FatturaPA file may hold a lot; instalments add up to what is payable."""
    bodies = BODY.format(type="TD01", number="1") + BODY.format(type="TD04", number="2")

    syntax, found = read_xml(FATTURA.format(bodies=bodies).encode())

    assert syntax == "fatturapa"
    assert [invoice.number for invoice in found] == ["1", "2"]
    assert [invoice.type for invoice in found] == ["invoice", "credit_note"]
    assert found[0].seller.name == "Anna Bianchi"
    assert found[0].seller.vat_id == "IT00743110157"
    assert (found[0].net, found[0].tax, found[0].gross, found[0].payable) == (100, 22, 122, 122)


def test_given_more_bytes_than_allowed_when_read_then_it_is_too_large() -> None:
    """The limit comes before the parser."""
    with pytest.raises(DocumentRefused) as refused:
        read_xml(UBL, Limits(xml_bytes_max=100))

    assert refused.value.problem.code == "too_large"


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="<>/?!abAB &;'\"[]=", max_size=200).map(str.encode))
def test_given_any_bytes_when_read_then_nothing_but_a_refusal_comes(raw: bytes) -> None:
    """No input makes the reader raise anything else."""
    try:
        read_xml(raw)
    except DocumentRefused as refused:
        assert refused.problem.code in {"damaged", "dangerous", "not_an_invoice", "unsupported"}


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=len(UBL) - 1), st.integers(min_value=0, max_value=255))
def test_given_one_flipped_byte_when_read_then_amounts_are_read_or_refused_never_invented(at: int, byte: int) -> None:
    """A damaged file may lose a value or be refused; what the checks see must still be typed."""
    raw = UBL[:at] + bytes([byte]) + UBL[at + 1 :]

    try:
        _, found = read_xml(raw)
    except DocumentRefused:
        return

    assert all(isinstance(invoice, Invoice) for invoice in found)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=len(UBL) - 3))
def test_given_a_truncated_file_when_read_then_it_is_refused(length: int) -> None:
    """Half an invoice is none."""
    with pytest.raises(DocumentRefused):
        read_xml(UBL[:length])
