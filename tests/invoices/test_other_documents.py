"""Papers that are no invoices, in six languages, are told by what they are; invoices that name them stay invoices."""

import pytest

from invoices.fields.labels import Index
from invoices.layout import layout_of_text
from invoices.other_documents import KINDS, describe, is_invoice
from invoices.text import read_layout

TITLES = {
    "a reminder": (
        "Zahlungserinnerung", "3. Mahnung", "Payment reminder", "FINAL NOTICE", "Relance", "Mise en demeure",
        "Recordatorio de pago", "2º recordatorio de pago", "Sollecito di pagamento", "Tweede aanmaning",
    ),
    "a statement of account": (
        "Kontoauszug 3/2026", "Offene-Posten-Liste", "Bank statement", "Statement of account", "Relevé de compte",
        "Extracto bancario", "Estratto conto", "Rekeningafschrift",
    ),
    "a delivery note": (
        "Lieferschein", "Delivery note", "Packing slip", "Bon de livraison", "Albarán", "Pakbon",
    ),
    "an order": ("Bestellung", "Purchase Order", "Bon de commande", "Orden de compra", "Bestelbon"),
    "an order confirmation": ("Auftragsbestätigung", "Order confirmation", "Orderbevestiging"),
    "a quotation": ("Angebot", "Kostenvoranschlag", "Devis", "Presupuesto", "Preventivo", "Offerte"),
    "a pro forma invoice": ("Proforma-Rechnung", "Pro forma invoice", "Factura proforma", "Proforma"),
    "a payment advice": ("Zahlungsavis", "Remittance advice", "Avis de virement", "Justificante de pago"),
    "a payslip": ("Gehaltsabrechnung", "Payslip", "Bulletin de paie", "Nómina", "Busta paga", "Loonstrook"),
    "a contract": ("Mietvertrag", "Agreement", "Contrat de bail", "Contrato", "Contratto"),
    "a curriculum vitae": ("Lebenslauf", "Curriculum Vitae", "Résumé"),
    "a price list": ("Preisliste 2026", "Price list", "Lista de precios", "Listino prezzi", "Prijslijst"),
    "a tax notice": ("Einkommensteuerbescheid 2025", "Tax assessment", "Avis d'impôt 2025"),
    "an insurance policy": ("Versicherungsschein", "Insurance policy", "Póliza de seguro", "Polizza assicurativa"),
    "a ticket": ("Fahrkarte", "Boarding pass", "Biglietto"),
}  # fmt: skip
LIST = (
    "\nSehr geehrte Damen und Herren,\nRechnung Nr. 4711 vom 01.02.2026   49,99 EUR\nInvoice 4712  10.00\nTotal 59,99"
)


@pytest.mark.parametrize(("what", "title"), [(what, title) for what, titles in TITLES.items() for title in titles])
def test_given_a_title_of_another_paper_when_described_then_it_is_named(what: str, title: str) -> None:
    """With a sum at its end, as such papers have."""
    layout = layout_of_text(f"{title}\nNordwind GmbH\n10115 Berlin\nTotal   59,99 EUR", 1_000)

    assert read_layout(layout) is None
    assert describe(Index(layout)) == what


@pytest.mark.parametrize("title", TITLES["a reminder"] + TITLES["a statement of account"])
def test_given_a_paper_that_lists_invoices_when_read_then_it_is_none_itself(title: str) -> None:
    """A reminder repeats number, date and amount of what it reminds of."""
    assert read_layout(layout_of_text(title + LIST, 1_000)) is None


@pytest.mark.parametrize(
    "head",
    [
        "Rechnung Nr. 7\nLieferschein Nr. 12\nAuftragsbestätigung: 4711",
        "Lieferschein-Nr.: 12   Rechnung Nr. 7",
        "Invoice 7\nDelivery note\n12\nQuotation no. 3",
        "FACTURE N° 7\nBon de commande : 12\nDevis n° 3",
        "Factura 7\nAlbarán nº 12",
        "Fattura n. 7\nDDT n. 12 del 01.02.2026",
        "Factuur 7\nOfferte: 12",
    ],
)
def test_given_an_invoice_that_names_other_papers_when_read_then_it_stays_one(head: str) -> None:
    """Their numbers stand in its head."""
    assert is_invoice(Index(layout_of_text(f"{head}\nTotal   59,99 EUR", 1_000)))


@pytest.mark.parametrize(
    ("text", "what"), [("", "an empty page"), ("Hallo Anna,\nbis Montag!", "a letter"), ("abc", "some other text")]
)
def test_given_a_text_without_a_title_when_described_then_something_is_said(text: str, what: str) -> None:
    """Every answer is one of the kinds that translations know."""
    assert describe(Index(layout_of_text(text, 1_000))) == what
    assert what in KINDS
