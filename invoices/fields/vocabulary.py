"""The words that stand before a value on an invoice, in English, German, French, Spanish, Italian, Dutch and Polish.

Each kind of label has patterns with a weight from 0 to 1: how surely the value after such words is meant. Patterns are
matched without regard to case; longer ones win over shorter ones that they contain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from invoices.fields.vocabulary_amounts import AMOUNT_LABELS

_NO: Final = r"(?:nummer|number|numéro|numero|número|num|nr|no|n[°ºo]|n\.|№|#|id)"
_INVOICE_WORD: Final = (
    r"(?:\w*rechnung|invoice|facture|factura|fattura|factuur|faktura|credit\s?note|credit\s?memo|gutschrift|avoir|"
    r"nota\s+(?:de\s+|di\s+)?(?:cr[ée]dito|credito|abono)|creditnota|creditfactuur|rechnungskorrektur|storno\w*|bill)"
)

# kind -> (weight, pattern); a pattern may use the two words above.
_LABELS: Final[dict[str, tuple[tuple[float, str], ...]]] = {
    "number": (
        (1.0, rf"(?:rechnungs|rechnung\s|rg|re|rechn|fakturen|faktura)[\s.\-]*{_NO}\b\.?"),
        (1.0, rf"(?:sales\s+|vat\s+)?inv\.?\s*{_NO}(?![\w]{{3}})\.?|our\s+invoice\b(?!\s+date)"),
        (1.0, rf"(?:tax\s+)?invoice[\s\-]*(?:{_NO}\b\.?|reference|ref\b\.?)"),
        (1.0, rf"(?:credit\s+(?:note|memo)|gutschrift(?:s)?|creditnota|avoir|bill)[\s\-]*{_NO}(?![\w]{{3}})\.?"),
        (
            1.0,
            r"(?:num[eé]ro|n[uú]mero|n[uú]m|nr|n[°ºo]|n)\.?\s*(?:de\s+(?:la\s+)?|d[ei]\s+|della?\s+|van\s+de\s+)?"
            r"(?:facture|factura|fattura|factuur|avoir|d'avoir|nota\s+di\s+credito)\b|"
            r"r[ée]f(?:[ée]rence|\.)?\s+(?:de\s+(?:la\s+)?)?facture\b",
        ),
        (1.0, rf"(?:facture|factura|fattura|factuur|faktura|avoir)[\s\-]*{_NO}(?![\w]{{3}})[.:]?"),
        (0.8, rf"(?:beleg|dokument|document|documento)[s\s.\-]*{_NO}(?![\w]{{3}})\.?"),
        (0.8, rf"{_INVOICE_WORD}\s*[:#]"),
        (0.75, r"(?:nummer|number|num[eé]ro|n[uú]mero|no|nr|n[°º])\.?(?=\s*(?::|$))"),
    ),
    "other_number": (
        (
            1.0,
            rf"(?:kunden?|kd|konto|account|inkoop|uw\s+order|debiteur|bestell(?:ungs)?|auftrags?|lieferschein|lief|liefer|vertrags?|projekt|artikel|art|steuer|tax|"
            rf"customer|client|order|purchase\s+order|po|p\.o\.|delivery\s+note|quote|account|contract|project|"
            rf"commande|bon\s+de\s+commande|cliente|pedido|albar[aá]n|ordine|ddt|klant|order|debiteur|debitoren|"
            rf"handelsregister|register|telefon|tel|reg|company|despatch\s+note|packing\s+(?:slip|list)|dispatch\s+note|bon\s+de\s+livraison|bl|pakbon|"
            rf"ordre|devis|offerte|angebots?|quotation|serien|serie|typ|modell|mandats?|gl[äa]ubiger|referenz|siret|kvk|rea|job|"
            rf"projet|chantier|dossier|contrat|contrato|contratto|page|seite|pagina|p[áa]gina|abonnement|police|policen|zähler)"
            rf"[\s.\-]*{_NO}(?![\w]{{3}})\.?",
        ),
        (
            1.0,
            r"(?:n[uú]mero|n[uú]m|num[eé]ro|nr|n[°ºo]|n|c[óo]digo|cod|codice|code|r[ée]f(?:[ée]rence)?)\.?\s*(?:de\s+|du\s+|di\s+|del\s+)?"
            r"(?:client\w*|clte|pedido|commande|albar[aá]n|ordine|ddt|bl|devis|contrat\w*|proveedor|fornitore|cuenta|compte|conto|rcs|siret|tva|iva)\b",
        ),
        (
            1.0,
            r"(?:your|our|customer|client)\s+(?:ref(?:erence)?|order)\b\.?|(?:votre|notre)\s+(?:r[ée]f\w*|commande)\b\.?|(?:ihre?|unser)e?\s+(?:bestellung|zeichen|referenz|auftrag)\b|(?:su|nuestra?)\s+(?:pedido|ref\w*)\b\.?|(?:vs|ns)\.?\s*(?:ordine|rif\w*)\b\.?|(?:uw|ons|onze)\s+(?:bestelling|referentie|kenmerk|order)\b",
        ),
    ),
    "issue_date": (
        (1.0, r"(?:rechnungs?|faktura|rg|beleg|ausstellungs?)[\s.\-]*(?:datum|date)\b|ausgestellt\s+am\b"),
        (
            1.0,
            r"(?:tax\s+)?(?:invoice|issue|billing|bill|credit\s+note|document)[\s\-]*date\b|date\s+(?:of\s+)?(?:issued?|invoice)\b|issued?\s+(?:at|on)\b",
        ),
        (1.0, r"(?:[ée]mise?\s+le|issued|date\s+issued|tax\s+point(?:\s*/\s*date)?)\b"),
        (1.0, r"date\s+(?:de\s+(?:la\s+)?facture|de\s+facturation|d'[ée]mission|d'avoir|facture)\b|fait\s+le\b"),
        (1.0, r"fecha\s+(?:de\s+(?:la\s+)?)?(?:factura|emisi[oó]n|expedici[oó]n|documento)\b"),
        (1.0, r"data\s+(?:della?\s+|di\s+)?(?:fattura|emissione|documento)\b|data\s+wystawienia\b"),
        (1.0, r"(?:factuur|uitgifte)datum\b|datum\s+factuur\b"),
        (0.6, r"\b(?:datum|date|fecha|data)\b(?!\s+(?:of|de|di|der|des|d'|della|do)\b)"),
    ),
    "other_date": (
        (
            1.0,
            r"(?:leistungs?|liefer(?:schein)?|bestell|auftrags?|vertrags?|zahlungs?|druck|buchungs|valuta)[\s.\-]*(?:datum|zeitraum)[\w\-]*|"
            r"(?:auftrag|bestell|lieferschein|vertrag)[\w.\-]*datum[\w\-]*|"
            r"(?:liefer|leistungs)[\w\s/\-]{0,25}(?:datum|zeitraum|termin)|date\s+of\s+(?:delivery|supply|birth)|"
            r"(?:delivery|order|shipping|ship|service|supply|print(?:ed)?|start|end|payment)\s+date|"
            r"date\s+(?:de\s+(?:la\s+)?)?(?:livraison|commande|prestation|naissance|d[ée]but|fin|r[èe]glement|valeur)|fecha\s+(?:de\s+)?(?:entrega|pedido|servicio|operaci[oó]n|valor|inicio|fin)|"
            r"data\s+(?:di\s+)?(?:consegna|ordine|ddt|spedizione|inizio|fine)|(?:lever|leverings|bestel|order|print|verzend)datum|date\s+shipped|(?:abrechnungs|rechnungs)zeitraum|"
            r"skonto|discount|escompte|cash\s+discount|(?:neuer?|nächster?|künftiger?)\s+(?:abschlag|rate)|next\s+(?:payment|instal?lment|bill)",
        ),
    ),
    "due_date": (
        (
            1.0,
            r"f[äa]llig(?:keits)?(?:datum|tag|keit)?(?:\s+(?:am|zum|bis|seit))?\b|zahlbar\s+(?:\w+\s+){0,5}?bis(?:\s+(?:zum|am))?\b|zahlungsziel\b|zahlungsfrist\b|zu\s+(?:be)?zahlen\s+bis(?:\s+zum)?\b",
        ),
        (
            1.0,
            r"(?:überweisen|ueberweisen|zahlen|begleichen|zahlung)\s+(?:\w+\s+){0,4}?bis(?:\s+(?:zum|am|spätestens))?\b",
        ),
        (
            1.0,
            r"(?:payment\s+)?due(?:\s+(?:date|on|by))?\b(?!\s+payable)|(?:please\s+)?(?:remit|pay|payable)\s+(?:until|by|before|on)\b|pay(?:ment)?\s+(?:due\s+)?(?:by|until|before)\b",
        ),
        (
            1.0,
            r"date\s+[ée]ch[ée]ance\b|date\s+(?:limite\s+de\s+(?:paiement|r[eè]glement)|d'[ée]ch[ée]ance)\b|[ée]ch[ée]ance\b|payable\s+(?:au|avant\s+le|jusqu'au|le)\b|[àa]\s+(?:payer|r[ée]gler)\s+(?:avant|au\s+plus\s+tard)(?:\s+le)?\b",
        ),
        (
            1.0,
            r"(?:fecha\s+(?:de\s+)?)?(?:vencimiento|vto)\b\.?|vence(?:\s+el)?\b|fecha\s+l[ií]mite(?:\s+de\s+pago)?\b|pagar\s+antes\s+del?\b",
        ),
        (1.0, r"(?:data\s+(?:di\s+)?)?scadenz[ae]\b|da\s+pagare\s+entro(?:\s+il)?\b"),
        (
            1.0,
            r"verval(?:datum|dag)\b|(?:uiterlijk\s+)?(?:te\s+)?(?:betalen|voldoen)\s+(?:voor|v[oó][oó]r|uiterlijk|op)\b|termin\s+p[łl]atno[śs]ci\b",
        ),
    ),
    **AMOUNT_LABELS,
    "currency": (
        (
            1.0,
            r"(?:rechnungs|beleg)?währung\b(?!\s+der)|alle\s+(?:beträge|preise|angaben)\s+in\b|(?:beträge|preise)\s+in\b",
        ),
        (1.0, r"(?:invoice\s+|document\s+)?currency\b|(?:all\s+)?(?:amounts|prices)\s+(?:are\s+)?in\b"),
        (
            1.0,
            r"devise\b|monnaie\b|montants\s+(?:exprim[ée]s\s+)?en\b|moneda\b|divisa\b|importes\s+en\b|valuta\b|importi\s+in\b|munteenheid\b|bedragen\s+in\b",
        ),
    ),
    "vat_id": (
        (
            1.0,
            r"u(?:msatz)?st(?:euer)?\.?\s*[\-.]?\s*id(?:ent)?(?:ifikations)?\.?[\s\-.]*(?:nummer|nr|no|#)?\.?|uid(?:-nr|-nummer)?\b\.?|ustid\w*#?",
        ),
        (
            1.0,
            r"vat[\s\-]*(?:id(?:entification)?|reg(?:istration)?|no|nr|number|n[°º])\b[\s\-.]*(?:no|number|nr)?\.?|tax\s+id\b|vat\s*:",
        ),
        (
            1.0,
            r"(?:n[°ºo]\.?\s*(?:de\s+)?)?(?:id(?:entification)?\s+)?tva(?:\s+(?:intra\w*|client|n[°º]))*\s*:|n[°ºo]\.?\s*tva(?:\s+(?:intra\w*|client))*|tva\s+intra\w*",
        ),
        (
            1.0,
            r"(?:c\.?i\.?f|n\.?i\.?f|n\.?i\.?f\.?[\s/\-]*c\.?i\.?f)\b\.?[\s\-]*(?:iva)?|nif[\s\-]iva|p(?:artita)?\.?\s*iva\b|btw[\s\-]*(?:nr|nummer|id|nummer)\b\.?|nip\b",
        ),
    ),
    "iban": ((1.0, r"\biban\b"),),
    "bank": (
        (
            1.0,
            r"bankverbindung(?:en)?\b|bank\s+(?:details|account)\b|konto(?:nummer|verbindung)?\b|coordonn[ée]es\s+bancaires\b|cuenta\b|conto\s+corrente\b|rekening\w*\b|account\s+number\b",
        ),
    ),
    "seller": (
        (
            1.0,
            r"(?:verkäufer|lieferant|rechnungssteller|leistungserbringer|auftragnehmer|rechnungsaussteller|absender)(?:in)?\b",
        ),
        (
            1.0,
            r"(?:seller|supplier|vendor|invoice\s+from|billed?\s+by|from|issued\s+by|sold\s+by|service\s+provider)\b",
        ),
        (
            1.0,
            r"(?:vendeur|fournisseur|[ée]metteur|prestataire)\b|(?:vendedor|proveedor|emisor)\b|(?:venditore|fornitore|cedente(?:\s*/?\s*prestatore)?|mittente)\b|(?:verkoper|leverancier|afzender)\b|sprzedawca\b",
        ),
    ),
    "buyer": (
        (
            1.0,
            r"(?:käufer(?:in)?(?:\s*/\s*leistungsempfänger)?|leistungsempfänger(?:in)?|rechnungsempfänger(?:in)?|rechnungsadresse|rechnung\s+an|kunde|kundin|auftraggeber(?:in)?|empfänger(?:in)?|rechnungsanschrift)\b(?![\s\-]*(?:nr|nummer|konto))",
        ),
        (
            1.0,
            r"(?:buyer|bill(?:ed)?\s+to|invoice\s+address|charge\s+to|invoice(?:d)?\s+to|customer|sold\s+to|client|purchaser|recipient|bill\s+address|billing\s+address)\b(?!\s*(?:no|nr|number|id|ref|order|#))",
        ),
        (
            1.0,
            r"(?:client|acheteur|factur[ée]e?\s+[àa]|adress[ée]e?\s+[àa]|destinataire|adresse\s+de\s+facturation)(?!\w)|(?:datos\s+del\s+cliente|dati\s+(?:del\s+)?cliente|klantgegevens|kundendaten|customer\s+details|coordonn[ée]es\s+(?:du\s+)?client)\b|(?:cliente|comprador|facturar\s+a|facturado\s+a|destinatario)\b(?!\s*n)|(?:acquirente|cessionario(?:\s*/?\s*committente)?|spett(?:\.le|abile)|intestatario)\b|(?:klant|koper|afnemer|factuuradres|factuur\s+aan|gefactureerd\s+aan|aan)\b(?!\s*(?:nr|nummer))|nabywca\b",
        ),
        (0.9, r"(?:to|an|à|aan)(?=\s*(?::|$))"),
    ),
    "other_party": (
        (
            1.0,
            r"abweichende[rn]?\s+\w+|(?:waren|liefer)empfänger|lieferadresse|lieferanschrift|ship\s+to|deliver(?:y|ed)?\s+(?:to|address)|shipping\s+(?:address|information)|adresse\s+de\s+livraison|livr[ée]\s+[àa]|direcci[oó]n\s+de\s+(?:env[ií]o|entrega)|enviar\s+a\b|consegnare\s+a\b|leveringsadres|destinazione|luogo\s+di\s+consegna|afleveradres|bezorgadres|steuerbevollmächtigter|zahlungsempfänger|payee|remit\s+to",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One compiled label."""

    kind: str
    weight: float
    regex: re.Pattern[str]


PATTERNS: Final = tuple(
    Pattern(kind, weight, re.compile(rf"(?<![\w]){pattern}" if pattern[0] != "[" else pattern, re.IGNORECASE))
    for kind, entries in _LABELS.items()
    for weight, source in entries
    for pattern in (f"(?:{source})",)
)

INVOICE_WORD: Final = re.compile(rf"(?<!\w){_INVOICE_WORD}\b", re.IGNORECASE)
RECEIPT_WORD: Final = re.compile(
    r"(?<!\w)(?:receipt|till\s+receipt|kassenbon|kassenbeleg|bon-?\s?nr|quittung|ticket\s+de\s+caisse|re[çc]u|tique?t|recibo|"
    r"scontrino|ricevuta|kassabon|kvitantie|bonnetje|paragon)(?!\w)",
    re.IGNORECASE,
)
CREDIT_WORD: Final = re.compile(
    r"(?<!\w)(?:credit\s?note|credit\s?memo|gutschrift|avoir|facture\s+d'avoir|"
    r"nota\s+(?:de\s+(?:cr[ée]dito|abono)|di\s+credito)|factura\s+de\s+abono|abono|creditnota|creditfactuur|"
    r"(?P<corrected>rechnungskorrektur|korrekturrechnung|stornorechnung|factura\s+rectificativa|corrected\s+invoice|"
    r"facture\s+rectificative))\b",
    re.IGNORECASE,
)
# What stands before another invoice's number or date: "zu Rechnung Nr. 7", "credit for invoice 7".
REFERRING: Final = re.compile(
    r"(?:\b(?:zu|zur|zum|for|to|against|regarding|correct\w*|cancel\w*|sur|relative?\s+[àa]|rettifica|rectifica\w*|su|op|betreft|bezug|original)\W*"
    r"(?:(?:the|our|der|die|unserer?|ihrer?|la|el|le|de|della|a)\s+)*)$",
    re.IGNORECASE,
)
