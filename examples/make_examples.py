"""Make the project's own invoices: `python examples/make_examples.py [FOLDER]`.

They are written from `invoices_data.py` with the libraries that businesses use (factur-x, reportlab, lxml), and
`expected.json` beside them says what a reader has to find. The files are kept in the repository, so that a fresh
clone can show and test everything by itself.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from example_pages import draw_english, draw_german, picture_of_text  # noqa: E402
from example_xml import cii_xml, ubl_xml  # noqa: E402
from facturx import generate_from_binary  # noqa: E402
from invoices_data import CREDIT_NOTE_EN, INVOICE_DE, INVOICE_EN  # noqa: E402

from invoices.invoice import Invoice, to_protocol  # noqa: E402

FOLDER = Path(__file__).parent / "files"


def hybrid(page: bytes, invoice: Invoice) -> bytes:
    """A Factur-X PDF: the page for people, the XML for programs. The library checks the XML against its schema."""
    made: Any = generate_from_binary(page, cii_xml(invoice), flavor="factur-x", level="en16931", lang="en")
    return bytes(made)


def plain_text(invoice: Invoice) -> str:
    """A French invoice as someone types it into a message."""
    rows = [f"{line.description:<40}{line.quantity:>6}{_french(line.net):>14}" for line in invoice.lines]
    return "\n".join(
        [
            "Facture n° " + str(invoice.number),
            f"Date de facture : {invoice.issue_date:%d/%m/%Y}",
            f"Échéance : {invoice.due_date:%d/%m/%Y}",
            "",
            f"Vendeur : {invoice.seller.name}",
            f"N° TVA : {invoice.seller.vat_id}",
            f"Client : {invoice.buyer.name}",
            "",
            *rows,
            "",
            f"{'Total HT':<46}{_french(invoice.net):>14}",
            f"{'TVA':<46}{_french(invoice.tax):>14}",
            f"{'Total TTC':<46}{_french(invoice.gross):>14}",
            "",
            f"IBAN : {invoice.iban}",
            "",
        ]
    )


def _french(amount: Decimal | None) -> str:
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",") + " €"


def files() -> dict[str, tuple[bytes, Invoice | None]]:
    """Every example by its name, with what a reader has to find; None where there is nothing to be found."""
    scan = picture_of_text(draw_english(INVOICE_EN))
    return {
        "invoice-de.ubl.xml": (ubl_xml(INVOICE_DE), INVOICE_DE),
        "credit-note-en.ubl.xml": (ubl_xml(CREDIT_NOTE_EN), CREDIT_NOTE_EN),
        "invoice-en.cii.xml": (cii_xml(INVOICE_EN), INVOICE_EN),
        "invoice-de.factur-x.pdf": (hybrid(draw_german(INVOICE_DE), INVOICE_DE), INVOICE_DE),
        "invoice-en.factur-x.pdf": (hybrid(draw_english(INVOICE_EN), INVOICE_EN), INVOICE_EN),
        "invoice-de.text.pdf": (draw_german(INVOICE_DE), INVOICE_DE),
        "invoice-en.text.pdf": (draw_english(INVOICE_EN), INVOICE_EN),
        "credit-note-en.text.pdf": (draw_english(CREDIT_NOTE_EN), CREDIT_NOTE_EN),
        "invoice-fr.txt": (plain_text(INVOICE_DE).encode(), INVOICE_DE),
        "scan.pdf": (scan, None),
    }


def main(folder: Path) -> None:
    """Write the files and what is expected of them."""
    folder.mkdir(parents=True, exist_ok=True)
    expected: dict[str, Any] = {}
    for name, (content, invoice) in files().items():
        (folder / name).write_bytes(content)
        expected[name] = None if invoice is None else to_protocol(invoice)
        print(f"{name:<28}{len(content):>9} bytes")
    text = json.dumps(expected, ensure_ascii=False, indent=1)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
