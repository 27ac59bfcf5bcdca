"""Whether a text is an invoice at all, and what it is when it is none: by its title, then by what it talks about.

A title is a short line that begins with the word for a kind of document. "Delivery note no. 17" in the head of an
invoice refers to another document and titles none; so does "Invoice no. 4711, 49.99" in a reminder's list.
"""

from __future__ import annotations

import re
from typing import Final

from invoices.fields.labels import Index
from invoices.fields.names import has_cents
from invoices.fields.vocabulary import INVOICE_WORD, RECEIPT_WORD, REFERRING

_TITLE_SEGMENTS: Final = 60
_TITLE_CHARS_MAX: Final = 60
_INVOICE_TITLE_START_MAX: Final = 20
_LETTER_LINES_MAX: Final = 12

# What a person is told, and the titles that say so. The first group never heads an invoice; a word of the second one may
# stand in an invoice's head too, as the name of what it refers to.
_NEVER_AN_INVOICE: Final = (
    (
        "a reminder",
        r"(?:\w*mahnung|zahlungserinnerung|mahnschreiben|inkasso\w*|payment\s+reminder|(?:friendly\s+)?reminder|dunning(?:\s+letter)?|"
        r"overdue\s+(?:notice|account|invoices?)|past\s+due\s+notice|final\s+(?:notice|demand)|(?:lettre\s+de\s+)?relance|"
        r"rappel(?:\s+de\s+paiement)?|mise\s+en\s+demeure|recordatorio(?:\s+de\s+pago)?|requerimiento\s+de\s+pago|reclamaci[oó]n\s+de\s+(?:pago|deuda)|"
        r"sollecito(?:\s+di\s+pagamento)?|diffida|(?:aan|in)maning|(?:betalings)?herinnering|ingebrekestelling)",
    ),
    (
        "a statement of account",
        r"(?:konto(?:auszug|übersicht)|umsatzübersicht|saldenbestätigung|saldenliste|offene[\s-]posten\w*|account\s+(?:statement|summary)|"
        r"bank\s+statement|statement\s+of\s+account|credit\s+card\s+statement|kreditkartenabrechnung|relev[ée]\s+(?:de\s+compte|bancaire)|"
        r"extracto(?:\s+(?:bancario|de\s+cuenta))?|estado\s+de\s+cuenta|estratto\s+(?:di\s+)?conto|rekening(?:overzicht|afschrift)|bankafschrift)",
    ),
    (
        "a payment advice",
        r"(?:zahlungsavis|überweisungs(?:beleg|bestätigung)|zahlungsbestätigung|remittance\s+advice|payment\s+(?:advice|confirmation)|avis\s+de\s+(?:paiement|virement)|"
        r"aviso\s+de\s+pago|justificante\s+de\s+(?:pago|transferencia)|avviso\s+di\s+pagamento|conferma\s+di\s+pagamento|betaaladvies|betalingsbevestiging)",
    ),
    (
        "a pro forma invoice",
        r"(?:pro[\s-]?forma(?:[\s-]?(?:invoice|rechnung|facture|factura|fattura|factuur))?|proformarechnung|(?:facture|factura|fattura|factuur)\s+pro[\s-]?forma)",
    ),
    (
        "a curriculum vitae",
        r"(?:lebenslauf|curriculum(?:\s+vitae)?|r[ée]sum[ée]|cv\b|bewerbung(?:sunterlagen)?|hoja\s+de\s+vida)",
    ),
    (
        "a payslip",
        r"(?:(?:gehalts|lohn|entgelt|bezüge)(?:abrechnung|nachweis|mitteilung)|verdienstabrechnung|payslip|pay\s+(?:slip|stub|advice)|"
        r"earnings\s+statement|(?:bulletin|fiche)\s+de\s+(?:paie|paye|salaire)|n[oó]mina|recibo\s+de\s+salarios|busta\s+paga|cedolino|"
        r"loon(?:strook|specificatie)|salarisstrook)",
    ),
    (
        "a price list",
        r"(?:preisliste|price\s+list|liste\s+des\s+prix|tarifs?(?:\s+\d{4})?$|lista\s+de\s+precios|listino(?:\s+prezzi)?|prijslijst)",
    ),
    (
        "a tax notice",
        r"(?:\w*steuerbescheid|steuererklärung|umsatzsteuer-?voranmeldung|tax\s+(?:assessment|return)|avis\s+d'imp[oô]t\w*|d[ée]claration\s+de\s+(?:revenus|tva)|"
        r"declaraci[oó]n\s+de\s+la\s+renta|dichiarazione\s+dei\s+redditi|belastingaan(?:slag|gifte))",
    ),
)  # fmt: skip
_ELSEWHERE_A_REFERENCE: Final = (
    (
        "a quotation",
        r"(?:angebot|kostenvoranschlag|quotation|quote|estimate|proposal|devis|proposition\s+commerciale|presupuesto|cotizaci[oó]n|"
        r"oferta|preventivo|offerta|offerte|prijsopgave)",
    ),
    (
        "an order confirmation",
        r"(?:(?:auftrags|bestell)bestätigung|buchungsbestätigung|order\s+(?:confirmation|acknowledg\w+)|booking\s+confirmation|confirmation\s+de\s+(?:commande|r[ée]servation)|"
        r"confirmaci[oó]n\s+de\s+(?:pedido|reserva)|conferma\s+(?:d'ordine|di\s+prenotazione)|(?:order|boekings)bevestiging)",
    ),
    (
        "an order",
        r"(?:bestellung|bestellschein|purchase\s+order|bon\s+de\s+commande|(?:orden|pedido)\s+de\s+compra|ordine\s+(?:d'|di\s+)acquisto|"
        r"inkooporder|bestelbon)",
    ),
    (
        "a delivery note",
        r"(?:lieferschein|packliste|delivery\s+(?:note|docket)|d(?:es|is)patch\s+note|packing\s+(?:slip|list)|bon\s+de\s+livraison|"
        r"bordereau\s+de\s+livraison|albar[aá]n|nota\s+de\s+entrega|documento\s+di\s+trasporto|d\.?d\.?t\.?|bolla\s+di\s+(?:consegna|accompagnamento)|"
        r"pakbon|leverings?bon|vrachtbrief|frachtbrief|bill\s+of\s+lading|lettre\s+de\s+voiture)",
    ),
    (
        "a contract",
        r"(?:\w*vertrag|allgemeine\s+geschäftsbedingungen|contract|agreement|terms\s+(?:and|&)\s+conditions|contrat|conditions\s+g[ée]n[ée]rales|"
        r"contrato|condiciones\s+generales|contratto|condizioni\s+generali|overeenkomst|contract|algemene\s+voorwaarden)",
    ),
    (
        "an insurance policy",
        r"(?:versicherungs(?:schein|police|bestätigung)|insurance\s+(?:policy|certificate)|certificate\s+of\s+insurance|attestation\s+d'assurance|p[óo]liza(?:\s+de\s+seguro)?|"
        r"polizza(?:\s+assicurativa)?|(?:verzekerings)?polis)",
    ),
    (
        "a ticket",
        r"(?:fahrkarte|fahrschein|eintrittskarte|bordkarte|boarding\s+pass|e-?ticket|admission\s+ticket|billet|carte\s+d'embarquement|entrada|"
        r"tarjeta\s+de\s+embarque|biglietto|carta\s+d'imbarco|vervoerbewijs|toegangsbewijs|instapkaart)",
    ),
)  # fmt: skip
_ORDINAL: Final = (
    r"(?:(?:\d{1,2}\s*(?:\.|st|nd|rd|th|e|er|[ºª°])\s*|erste|zweite|dritte|letzte|first|second|third|final|last|premi[eè]re?|deuxi[eè]me|derni[eè]re?|"
    r"primer[ao]?|segund[ao]|[uú]ltim[ao]|prim[oa]|second[oa]|eerste|tweede|laatste)\s*)?"
)
_TITLES: Final = tuple(
    (re.compile(rf"^\W*{_ORDINAL}{words}(?!\w)", re.IGNORECASE), what, never)
    for group, never in ((_NEVER_AN_INVOICE, True), (_ELSEWHERE_A_REFERENCE, False))
    for what, words in group
)
# What follows a title that only refers to another document: its number or date, or a colon with a value.
_REFERENCE: Final = re.compile(r"(?:nr|no|num|date|datum|fecha|data|n[°º])\b|:\s*\S", re.IGNORECASE)
_SALUTATION: Final = re.compile(
    r"^\W*(?:dear\b|hi\b|hello\b|sehr\s+geehrte|liebe[rs]?\b|hallo\b|guten\s+tag|ch[eè]re?s?\b|bonjour\b|madame,|monsieur,|estimad[oa]s?\b|querid[oa]\b|"
    r"hola\b|gentil[ei]\b|egregi[oa]?\b|buongiorno\b|ciao\b|geachte\b|beste\b)",
    re.IGNORECASE,
)

KINDS: Final = (
    *(what for what, _ in (*_NEVER_AN_INVOICE, *_ELSEWHERE_A_REFERENCE)),
    "a letter",
    "an empty page",
    "some other text",
)


def is_invoice(index: Index) -> bool:
    """Whether the word for an invoice stands there and no title says that it is something else."""
    if not any(INVOICE_WORD.search(text) for text in index.texts):
        receipt = any(RECEIPT_WORD.search(text) for text in index.texts)
        numbered = receipt or any(index.of_kind("number"))
        return any(index.of_kind("gross", "payable")) and numbered and _never_title(index) is None
    other = _other_title(index)
    return _never_title(index) is None and (other is None or _invoice_title(index) is not None)


def describe(index: Index) -> str:
    """What a document is that is no invoice, in plain words: one of `KINDS`."""
    titled = _never_title(index) or _other_title(index)
    if titled:
        return titled
    if not index.texts:
        return "an empty page"
    return "a letter" if any(map(_SALUTATION.match, index.texts[:_LETTER_LINES_MAX])) else "some other text"


def _invoice_title(index: Index) -> int | None:
    """Where the first line stands that is headed by the word for an invoice and is no entry of a list."""
    for position, text in enumerate(index.texts[:_TITLE_SEGMENTS]):
        match = INVOICE_WORD.search(text)
        if match is None or match.start() > _INVOICE_TITLE_START_MAX or len(text) > 2 * _TITLE_CHARS_MAX:
            continue
        is_other = any(pattern.match(text) for pattern, _, _ in _TITLES)
        if not is_other and not REFERRING.search(text[: match.start()]):
            return position
    return None


def _never_title(index: Index) -> str | None:
    """A title of a document that is no invoice, though it names some; in an invoice's own text it comes too late."""
    title = _invoice_title(index)
    for position, what in _titles(index, never=True):
        listed = title is not None and any(has_cents(index.texts[other]) for other in index.line(title))
        if title is None or position < title or listed:
            return what
    return None


def _other_title(index: Index) -> str | None:
    return next((what for never in (True, False) for _, what in _titles(index, never=never)), None)


def _titles(index: Index, *, never: bool) -> list[tuple[int, str]]:
    """Position and kind of each short line that begins as the title of another document and refers to none."""
    return [
        (position, what)
        for position, text in enumerate(index.texts[:_TITLE_SEGMENTS])
        if len(text) <= _TITLE_CHARS_MAX
        for pattern, what, is_never in _TITLES
        if is_never is never
        and (match := pattern.match(text))
        and (never or not _REFERENCE.search(text[match.end() :]) or position == 0)
    ]
