"""The words that stand before a value on an invoice, in English, German, French, Spanish, Italian, Dutch and Polish.

Each kind of label has patterns with a weight from 0 to 1: how surely the value after such words is meant. Patterns are
matched without regard to case; longer ones win over shorter ones that they contain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NO: Final = r"(?:nummer|number|numéro|numero|número|num|nr|no|n[°ºo]|n\.|№|#|id)"
_INVOICE_WORD: Final = (
    r"(?:\w*rechnung|invoice|facture|factura|fattura|factuur|faktura|credit\s?note|credit\s?memo|gutschrift|avoir|"
    r"nota\s+(?:de\s+|di\s+)?(?:cr[ée]dito|credito)|creditnota|rechnungskorrektur|storno\w*|bill)"
)

# kind -> (weight, pattern); a pattern may use the two words above.
_LABELS: Final[dict[str, tuple[tuple[float, str], ...]]] = {
    "number": (
        (1.0, rf"(?:rechnungs|rechnung\s|rg|re|rechn|fakturen|faktura)[\s.\-]*{_NO}\b\.?"),
        (1.0, rf"(?:tax\s+)?invoice[\s\-]*(?:{_NO}\b\.?|reference|ref\b\.?)"),
        (1.0, rf"(?:credit\s+(?:note|memo)|gutschrift(?:s)?|creditnota|avoir|bill)[\s\-]*{_NO}(?![\w]{{3}})\.?"),
        (
            1.0,
            r"(?:num[eé]ro|num|n[°ºo])\.?\s*(?:de\s+(?:la\s+)?|d[ei]\s+)?(?:facture|factura|fattura|avoir|d'avoir)\b",
        ),
        (1.0, rf"(?:facture|factura|fattura|factuur|faktura|avoir)[\s\-]*{_NO}(?![\w]{{3}})[.:]?"),
        (0.8, rf"(?:beleg|dokument|document|documento)[s\s.\-]*{_NO}(?![\w]{{3}})\.?"),
        (0.8, rf"{_INVOICE_WORD}\s*[:#]"),
    ),
    "other_number": (
        (
            1.0,
            rf"(?:kunden?|bestell(?:ungs)?|auftrags?|lieferschein|lief|liefer|vertrags?|projekt|artikel|art|steuer|tax|"
            rf"customer|client|order|purchase\s+order|po|p\.o\.|delivery\s+note|quote|account|contract|project|"
            rf"commande|bon\s+de\s+commande|cliente|pedido|albar[aá]n|ordine|ddt|klant|order|debiteur|debitoren|"
            rf"handelsregister|register|telefon|tel|reg)[\s.\-]*{_NO}(?![\w]{{3}})\.?",
        ),
    ),
    "issue_date": (
        (1.0, r"(?:rechnungs?|faktura|rg|beleg|ausstellungs?)[\s.\-]*(?:datum|date)\b|ausgestellt\s+am\b"),
        (
            1.0,
            r"(?:tax\s+)?(?:invoice|issue|billing|bill|credit\s+note|document)[\s\-]*date\b|date\s+(?:of\s+)?(?:issued?|invoice)\b|issued?\s+(?:at|on)\b",
        ),
        (1.0, r"date\s+(?:de\s+(?:la\s+)?facture|de\s+facturation|d'[ée]mission|d'avoir|facture)\b|fait\s+le\b"),
        (1.0, r"fecha\s+(?:de\s+(?:la\s+)?)?(?:factura|emisi[oó]n|expedici[oó]n|documento)\b"),
        (1.0, r"data\s+(?:della?\s+)?(?:fattura|emissione|documento)\b|data\s+wystawienia\b"),
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
            r"date\s+de\s+(?:livraison|commande|prestation|naissance)|fecha\s+de\s+(?:entrega|pedido|servicio|operaci[oó]n)|"
            r"data\s+(?:di\s+)?(?:consegna|ordine|ddt)|(?:lever|bestel|order)datum|(?:abrechnungs|rechnungs)zeitraum|"
            r"skonto|discount|escompte|cash\s+discount|(?:neuer?|nächster?|künftiger?)\s+(?:abschlag|rate)|next\s+(?:payment|instal?lment|bill)",
        ),
    ),
    "due_date": (
        (
            1.0,
            r"f[äa]llig(?:keits)?(?:datum|tag|keit)?(?:\s+(?:am|zum|bis|seit))?\b|zahlbar\s+(?:\w+\s+){0,3}?bis(?:\s+(?:zum|am))?\b|zahlungsziel\b|zahlungsfrist\b",
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
            r"date\s+(?:limite\s+de\s+(?:paiement|r[eè]glement)|d'[ée]ch[ée]ance)\b|[ée]ch[ée]ance\b|[àa]\s+(?:payer|r[ée]gler)\s+(?:avant|au\s+plus\s+tard)(?:\s+le)?\b",
        ),
        (1.0, r"(?:fecha\s+(?:de\s+)?)?vencimiento\b|fecha\s+l[ií]mite(?:\s+de\s+pago)?\b"),
        (1.0, r"(?:data\s+(?:di\s+)?)?scadenza\b|da\s+pagare\s+entro(?:\s+il)?\b"),
        (
            1.0,
            r"verval(?:datum|dag)\b|(?:te\s+)?(?:betalen|voldoen)\s+(?:voor|v[oó][oó]r|uiterlijk)\b|termin\s+p[łl]atno[śs]ci\b",
        ),
    ),
    "net": (
        (
            1.0,
            r"(?:rechnungssumme|rechnungsbetrag|summe|gesamt(?:betrag|summe)?|betrag|total)\s*,?\s*\(?(?:netto|ohne\s+(?:ust|mwst|umsatzsteuer|mehrwertsteuer|steuer)\.?)\)?",
        ),
        (
            1.0,
            r"netto(?:gesamt)?(?:betrag|summe|wert|rechnungsbetrag|umsatz|entgelt)?\b(?!\s*(?:preis|einzelpreis))|gesamt(?:summe|betrag)?[\s\-]*netto\b|zwischensumme\s+netto",
        ),
        (
            1.0,
            r"net\s+(?:total|amount|value|sum|subtotal)\b|(?:total|amount|subtotal|sum)\s*,?\s*\(?(?:net\b|excl(?:uding|usive|\.)?\s*(?:of\s+)?(?:vat|tax|gst)|ex\.?\s*(?:vat|tax|gst)|before\s+(?:vat|tax(?:es)?)|without\s+(?:vat|tax))\)?",
        ),
        (
            1.0,
            r"(?:total|montant|sous[\s\-]total|prix|base)\s+(?:net\s+)?(?:hors\s+taxes?|h\.?t\.?)(?!\w)|net\s+h\.?t\.?(?!\w)",
        ),
        (
            1.0,
            r"base\s+imponible\b|(?:total|importe|subtotal)\s+(?:neto|sin\s+iva|bruto\s+sin\s+iva)\b|importe\s+neto\b",
        ),
        (
            1.0,
            r"(?:totale\s+)?imponibile\b|totale\s+(?:netto|al\s+netto|iva\s+esclusa|senza\s+iva)\b|netto\s+(?:merce|imponibile)\b",
        ),
        (
            1.0,
            r"(?:totaal|subtotaal|bedrag|netto)\s*,?\s*\(?(?:excl(?:usief|\.)?(?:\s*btw)?|netto|ex\.?\s*btw)\)?|totaal\s+netto\b|warto[śs][ćc]\s+netto\b|razem\s+netto\b",
        ),
        (
            0.5,
            r"zwischensumme\b|sub[\s\-]?total\b|sous[\s\-]total\b|subtotale\b|subtotaal\b|steuerbasisbetrag\b|basisbetrag\b|warenwert\b|positionssumme\b|taxable\s+(?:amount|value)\b",
        ),
    ),
    "tax": (
        (
            1.0,
            r"(?:ust\.?|mwst\.?|mehrwertsteuer|umsatzsteuer|vat|tax|tva|iva|btw)\s*[\-.]?\s*(?:gesamt(?:betrag)?|total(?:e|betrag)?|amount|betrag|sum(?:me)?|totaal|bedrag)\b",
        ),
        (
            1.0,
            r"(?:total|summe|montant|importe|totale|totaal|gesamt|cuota|total\s+de\s+la|total\s+de)\s+(?:der\s+|de\s+la\s+|de\s+)?(?:ust|mwst|mehrwertsteuer|umsatzsteuer|vat|tax(?:es)?|tva|iva|btw|imp(?:uestos|osta))\b\.?",
        ),
        (0.9, r"\w*steuerbetrag(?:\s+in)?\b|ust\.?-betrag\b|mwst\.?-betrag\b"),
        (
            0.8,
            r"(?:zzgl\.?|zuzüglich|zuzügl\.?|plus|\+|inkl\.?|inklusive|enthaltene?|incl\.?|including|darin\s+enthalten\w*|dont|de\s+los\s+cuales)?\s*(?:\d{1,2}(?:[.,]\d{1,2})?\s*%\s*)?(?:mwst|ust|umsatzsteuer|mehrwertsteuer|\w*versicherung(?:s)?steuer|vat|g\.?s\.?t\.?|sales\s+tax|tax(?:es)?|tva|t\.v\.a\.|iva|i\.v\.a\.|btw|impuestos?|imposta|kwota\s+vat)(?![\w\-]*(?:id|nr|nummer)\b)(?!\s*[.\-]?\s*(?:id|identification|reg|no\b|nr|number|n[°º]|client|satz|rate|-?%|intracom))\b\.?",
        ),
    ),
    "gross": (
        (
            1.0,
            r"(?:rechnungssumme|summe|gesamt(?:betrag|summe)?|betrag|total|rechnungsbetrag|endbetrag|endsumme)\s*,?\s*\(?(?:brutto|inkl\.?\s*(?:\d{1,2}(?:[.,]\d+)?\s*%\s*)?(?:ust|mwst|umsatzsteuer|mehrwertsteuer|steuer)\.?)\)?",
        ),
        (
            1.0,
            r"brutto(?:gesamt)?(?:betrag|summe|wert|rechnungsbetrag)?\b(?!\s*(?:preis|einzelpreis))|gesamt(?:summe|betrag)?[\s\-]*brutto\b",
        ),
        (
            1.0,
            r"(?:grand|gross|invoice)\s+(?:total|amount)\b|total\s+(?:amount|invoice|gross)\b(?!\s+(?:due|net|excl|before|without))|(?:total|amount)\s*,?\s*\(?(?:incl(?:uding|usive|\.)?\s*(?:of\s+)?(?:vat|tax|gst)|gross|inc\.?\s*(?:vat|tax|gst)|with\s+(?:vat|tax))\)?",
        ),
        (1.0, r"(?:total|montant|net)\s+(?:toutes\s+taxes(?:\s+comprises)?|t\.?t\.?c\.?)(?!\w)"),
        (1.0, r"(?:importe\s+total|total\s+(?:factura|con\s+iva|iva\s+incluido|general|importe))\b"),
        (1.0, r"totale\s+(?:fattura|documento|ivato|iva\s+inclusa|complessivo|generale|lordo)\b|importo\s+totale\b"),
        (
            1.0,
            r"(?:totaal|bedrag|totaalbedrag)\s*,?\s*\(?(?:incl(?:usief|\.)?(?:\s*btw)?|bruto)\)?|totaalbedrag\b|factuurbedrag\b|nale[żz]no[śs][ćc]\s+og[óo][łl]em\b|warto[śs][ćc]\s+brutto\b",
        ),
        (
            0.9,
            r"rechnungsbetrag\b|rechnungssumme\b|rechnungsendbetrag\b|gesamtbetrag\b|gesamtsumme\b|endbetrag\b|endsumme\b|summe\s+gesamt\b|gesamt\b",
        ),
        (0.8, r"[\w\s]{0,30}\binklusive\s+\d{1,2}(?:[.,]\d{1,2})?\s*%\s*\w*steuer\b"),
        (
            0.7,
            r"\btotal\b(?!\s*(?:ht|h\.t|net|excl|before|tax|vat|tva|iva|due|sin|hors|without|items|weight|qty|quantity|discount|remise))|\btotale\b(?!\s*(?:imponibile|iva|netto))|\btotaal\b(?!\s*(?:btw|excl|netto))|\brazem\b|\bsumme\b",
        ),
    ),
    "payable": (
        (
            1.0,
            r"zahlbetrag\b|zu\s+zahlende[rn]?\s+\w+|(?:noch\s+)?zu\s+zahlen\b|(?:offener|fälliger)\s+(?:rechnungs)?(?:betrag|restbetrag)\b|restbetrag\b|restzahlung\b|auszahlungsbetrag\b|verbleibender\s+betrag\b",
        ),
        (
            1.0,
            r"(?:total\s+|net\s+)?(?:amount|balance|total)\s+(?:now\s+)?(?:due|payable|owed|owing|outstanding|to\s+pay)\b|due\s+payable(?:\s+amount)?\b|(?:balance|remaining)\s+(?:amount|due)\b|to\s+pay\b|please\s+pay\b",
        ),
        (
            1.0,
            r"net\s+[àa]\s+payer\b|reste\s+[àa]\s+payer\b|(?:montant|somme|total)\s+(?:d[ûu]e?|[àa]\s+payer|[àa]\s+r[ée]gler)\b|solde\s+(?:d[ûu]|[àa]\s+payer)\b|montant\s+restant\s+d[ûu]\b",
        ),
        (
            1.0,
            r"(?:total|importe|l[ií]quido|neto|cantidad)\s+a\s+pagar\b|(?:saldo|importe)\s+pendiente\b|total\s+adeudado\b",
        ),
        (
            1.0,
            r"(?:netto|totale|importo|saldo|somma)\s+(?:a|da)\s+(?:pagare|saldare)\b|netto\s+a\s+pagare\b|importo\s+dovuto\b",
        ),
        (
            1.0,
            r"(?:totaal\s+)?te\s+(?:betalen|voldoen)\b(?!\s+(?:voor|uiterlijk))|openstaand\s+(?:bedrag|saldo)\b|do\s+zap[łl]aty\b|pozosta[łl]o\s+do\s+zap[łl]aty\b",
        ),
    ),
    "prepaid": (
        (
            1.0,
            r"(?:erhaltene|geleistete|abzüglich)\s+(?:an|voraus|abschlags)?zahlung(?:en)?\b|anzahlung(?:en)?\b|bereits\s+(?:be|ge)zahlt\w*\b|vorauszahlung(?:en)?\b",
        ),
        (
            1.0,
            r"(?:amount\s+|already\s+)?(?:pre)?paid(?:\s+(?:amount|to\s+date|in\s+advance))?\b|deposit(?:\s+(?:paid|received))?\b|advance\s+payment\b|payments?\s+received\b|less\s+payments?\b",
        ),
        (
            1.0,
            r"acomptes?(?:\s+(?:vers[ée]s?|re[çc]us?))?\b|d[ée]j[àa]\s+(?:pay[ée]|r[ée]gl[ée]|vers[ée])e?\b|montant\s+pay[ée]\b",
        ),
        (
            1.0,
            r"anticipos?\b|pagado\b|entrega\s+a\s+cuenta\b|acconto\b|acconti\b|gi[àa]\s+pagato\b|reeds\s+(?:betaald|voldaan)\b|aanbetaling\b|vooruitbetaald\b",
        ),
    ),
    "withheld": (
        (
            1.0,
            r"retenci[oó]n(?:\s+(?:de\s+)?i\.?r\.?p\.?f\.?)?|i\.?r\.?p\.?f\.?\b|ritenuta(?:\s+d'acconto)?|withholding(?:\s+tax)?|"
            r"retenue\s+[àa]\s+la\s+source|quellensteuer",
        ),
    ),
    "other_amount": (
        (
            1.0,
            r"(?:rabatt|skonto|nachlass|abschlag|zuschlag|rundung|frachtkosten|versandkosten|porto|discount|shipping|freight|"
            r"rounding|remise|escompte|frais\s+de\s+port|descuento|portes|sconto|spese|korting|verzendkosten|grundbetrag|"
            r"gesamtbetrag\s+der\s+(?:zu|ab)schläge|capital|stammkapital|grundkapital|bruttopreis|nettopreis|einzelpreis|"
            r"stückpreis|unit\s+price|prix\s+unitaire|precio\s+unitario|prezzo\s+unitario|stuksprijs|ausstehende\s+forderung|"
            r"artikelgesamtrabatt|leergutwert|gewicht|weight)\w*",
        ),
    ),
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
            r"(?:buyer|bill(?:ed)?\s+to|invoice(?:d)?\s+to|customer|sold\s+to|client|purchaser|recipient|bill\s+address|billing\s+address)\b(?!\s*(?:no|nr|number|id|ref|order|#))",
        ),
        (
            1.0,
            r"(?:client|acheteur|factur[ée]\s+[àa]|destinataire|adresse\s+de\s+facturation)\b|(?:cliente|comprador|facturar\s+a|facturado\s+a|destinatario)\b(?!\s*n)|(?:acquirente|cessionario(?:\s*/?\s*committente)?|spett(?:\.le|abile)|intestatario)\b|(?:klant|koper|afnemer|factuuradres|aan)\b(?!\s*(?:nr|nummer))|nabywca\b",
        ),
        (0.9, r"(?:to|an|à)(?=\s*:\s*$)"),
    ),
    "other_party": (
        (
            1.0,
            r"abweichende[rn]?\s+\w+|(?:waren|liefer)empfänger|lieferadresse|lieferanschrift|ship\s+to|deliver(?:y|ed)?\s+(?:to|address)|shipping\s+(?:address|information)|adresse\s+de\s+livraison|livr[ée]\s+[àa]|direcci[oó]n\s+de\s+(?:env[ií]o|entrega)|destinazione|luogo\s+di\s+consegna|afleveradres|bezorgadres|steuerbevollmächtigter|zahlungsempfänger|payee|remit\s+to",
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
    r"nota\s+(?:de\s+cr[ée]dito|di\s+credito)|creditnota|creditfactuur|"
    r"(?P<corrected>rechnungskorrektur|korrekturrechnung|stornorechnung|factura\s+rectificativa|corrected\s+invoice|"
    r"facture\s+rectificative))\b",
    re.IGNORECASE,
)
# What a title says when the document is something else.
OTHER_TITLES: Final[tuple[tuple[str, str], ...]] = (
    (r"angebot|quotation|quote|devis|presupuesto|preventivo|offerte|estimate|kostenvoranschlag", "a quotation"),
    (r"auftragsbestätigung|order\s+confirmation|confirmation\s+de\s+commande|confirmaci[oó]n\s+de\s+pedido|conferma\s+d'ordine|orderbevestiging", "an order confirmation"),
    (r"bestellung|purchase\s+order|bon\s+de\s+commande|orden\s+de\s+compra|ordine\s+d'acquisto|inkooporder|bestelbon", "an order"),
    (r"lieferschein|delivery\s+note|packing\s+(?:slip|list)|bon\s+de\s+livraison|albar[aá]n|documento\s+di\s+trasporto|pakbon|leveringsbon", "a delivery note"),
    (r"mahnung|zahlungserinnerung|payment\s+reminder|dunning|reminder|relance|recordatorio\s+de\s+pago|sollecito|aanmaning|betalingsherinnering", "a reminder"),
    (r"kontoauszug|account\s+statement|bank\s+statement|statement\s+of\s+account|relev[ée]\s+de\s+compte|extracto|estratto\s+conto|rekeningoverzicht|rekeningafschrift", "a statement"),
    (r"vertrag|contract|agreement|contrat|contrato|contratto|overeenkomst", "a contract"),
    (r"lebenslauf|curriculum\s+vitae|résumé", "a curriculum vitae"),
    (r"gehaltsabrechnung|lohnabrechnung|payslip|pay\s+slip|bulletin\s+de\s+(?:paie|salaire)|n[oó]mina|busta\s+paga|loonstrook", "a payslip"),
)  # fmt: skip
