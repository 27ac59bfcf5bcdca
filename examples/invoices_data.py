"""The invoices of the examples, as records: two sellers, three rates of VAT, a credit note, a prepaid amount."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from invoices.invoice import Invoice, Line, Party, TaxPart

SELLER_DE = Party("Nordlicht Bürobedarf GmbH", "DE136695976")
BUYER_DE = Party("Hafenkontor Vogel & Söhne KG", "DE811569869")
SELLER_EN = Party("Harrow & Finch Ltd.", "GB980780684")
BUYER_EN = Party("Lakeside Catering B.V.", "NL004495445B01")

INVOICE_DE = Invoice(
    number="RE-2026-0417",
    issue_date=dt.date(2026, 3, 14),
    due_date=dt.date(2026, 4, 13),
    currency="EUR",
    type_code="380",
    seller=SELLER_DE,
    buyer=BUYER_DE,
    iban="DE89370400440532013000",
    net=Decimal("1264.50"),
    tax=Decimal("228.02"),
    gross=Decimal("1492.52"),
    payable=Decimal("1492.52"),
    lines=(
        Line("Schreibtisch, höhenverstellbar", Decimal(2), Decimal("489.00"), Decimal("978.00"), Decimal(19)),
        Line("Druckerpapier, Karton", Decimal(9), Decimal("20.50"), Decimal("184.50"), Decimal(19)),
        Line("Fachbuch Rechnungswesen", Decimal(3), Decimal("34.00"), Decimal("102.00"), Decimal(7)),
    ),
    taxes=(
        TaxPart(Decimal(19), Decimal("1162.50"), Decimal("220.88")),
        TaxPart(Decimal(7), Decimal("102.00"), Decimal("7.14")),
    ),
)
INVOICE_EN = Invoice(
    number="HF-20931",
    issue_date=dt.date(2026, 5, 6),
    due_date=dt.date(2026, 6, 5),
    currency="GBP",
    type_code="380",
    seller=SELLER_EN,
    buyer=BUYER_EN,
    iban="GB82WEST12345698765432",
    net=Decimal("2350.00"),
    tax=Decimal("470.00"),
    gross=Decimal("2820.00"),
    payable=Decimal("2320.00"),
    prepaid=Decimal("500.00"),
    lines=(
        Line("Kitchen inspection and report", Decimal(1), Decimal("1450.00"), Decimal("1450.00"), Decimal(20)),
        Line("Staff training, per day", Decimal(2), Decimal("450.00"), Decimal("900.00"), Decimal(20)),
    ),
    taxes=(TaxPart(Decimal(20), Decimal("2350.00"), Decimal("470.00")),),
)

CREDIT_NOTE_EN = Invoice(
    number="HF-CN-118",
    issue_date=dt.date(2026, 5, 20),
    currency="GBP",
    type_code="381",
    seller=SELLER_EN,
    buyer=BUYER_EN,
    net=Decimal("450.00"),
    tax=Decimal("90.00"),
    gross=Decimal("540.00"),
    payable=Decimal("540.00"),
    lines=(Line("Staff training, one day cancelled", Decimal(1), Decimal("450.00"), Decimal("450.00"), Decimal(20)),),
    taxes=(TaxPart(Decimal(20), Decimal("450.00"), Decimal("90.00")),),
)
