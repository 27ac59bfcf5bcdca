"""The words that stand before an amount of money: net, tax, gross, payable, prepaid, and what is none of them.

Composed where languages compose them: a word for a sum, then "without" or "with", then a word for the tax.
"""

from __future__ import annotations

from typing import Final

_SUM: Final = (
    r"(?:total(?:e|en|betrag)?|totaal(?:bedrag)?|gesamt(?:betrag|summe|total)?|summe|betrag|bedrag|amount|sum|importe|importo|montant|"
    r"sub[\s\-]?total|subtotaal|subtotale|sous[\s\-]total|zwischen(?:summe|total)|rechnungs(?:betrag|summe|total)|suma|prijs|preis|price)"
)
_TAX: Final = (
    r"(?:u\.?st|mwst|m\.w\.st|umsatzsteuer|mehrwertsteuer|steuern?|vat|v\.a\.t|(?:sales\s+)?tax(?:es)?|gst|tva|t\.v\.a|iva|i\.v\.a|"
    r"btw|b\.t\.w|taxes|impuestos|imposte)\.?"
)
_RATE: Final = r"(?:\d{1,2}(?:[.,]\d{1,2})?\s*%\s*)?"
_WITHOUT: Final = (
    r"(?:exkl(?:usive)?|excl(?:uding|usive|usief|us)?|ex|ohne|without|before|sin|hors|sans|senza|zonder|vor|avant|antes\s+de|prima\s+di)"
    r"\.?"
)
_WITH: Final = r"(?:inkl(?:usive)?|incl(?:uding|usive|usief|us)?|inc|mit|with|con|avec|met|einschlie(?:ß|ss)lich)\.?"
_INCLUDED: Final = r"(?:inclus[aoe]?|inclusive|incluid[oa]s?|inclu[sd]?|inclusief|compris(?:es?)?|compres[oa]|inkl(?:usive)?|incl)\b\.?"
_EXCLUDED: Final = (
    r"(?:esclus[ao]|excluid[oa]s?|exclu(?:se?|ded)?|exclusief|exkl(?:usive)?|excl|non\s+comprise?s?)\b\.?"
)

AMOUNT_LABELS: Final[dict[str, tuple[tuple[float, str], ...]]] = {
    "net": (
        (0.9, r"netto(?!preis|einzelpreis|gewicht|lohn|gehalt)\w+"),
        (1.0, rf"{_SUM}\s*,?\s*\(?\s*{_WITHOUT}\s*(?:of\s+|the\s+|la\s+|de\s+la\s+|de\s+)?{_RATE}{_TAX}(?!\w)\)?"),
        (1.0, rf"{_SUM}\s*,?\s*\(?\s*{_TAX}\s+{_EXCLUDED}\)?"),
        (
            1.0,
            r"(?:base|imponibile|grondslag|bemessungsgrundlage)\s+(?:h\.?t\.?|totale|iva|btw|netto)(?!\w)|montant\s+net(?:\s+h\.?t\.?)?(?!\w)|"
            r"total\s+net\s+h\.?t\.?(?!\w)|sous[\s\-]total\s+h\.?t\.?(?!\w)|suma\s+neta\b|goods\s+net\b|nett?o\s+bedrag\b|net\s+sales\b",
        ),
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
            rf"(?:cuota|imposta|montant|importo|betrag|bedrag|amount|total[ei]?|totaal|summe)\s+(?:de\s+(?:la\s+)?|di\s+)?{_TAX}(?!\w)(?!\s*(?:{_INCLUDED}|{_EXCLUDED}))",
        ),
        (1.0, r"totale\s+imposta\b|imposta\s+totale\b|taxe\s+totale\b"),
        (0.8, r"(?:t\.v\.a|i\.v\.a|b\.t\.w|v\.a\.t|m\.w\.st|u\.st)\.(?!\s*(?:id|reg|no\b|nr|number|n[°º]|intracom))"),
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
            0.9,
            r"brutto(?!preis|einzelpreis|gewicht|lohn|gehalt|register)\w+|gesamt(?:beitrag|miete|prämie|entgelt|honorar|kosten)\b",
        ),
        (1.0, rf"{_SUM}\s*,?\s*\(?\s*{_WITH}\s*(?:of\s+|the\s+|la\s+)?{_RATE}{_TAX}(?!\w)\)?"),
        (1.0, rf"{_SUM}\s*,?\s*\(?\s*{_TAX}\s+{_INCLUDED}\)?"),
        (
            0.9,
            r"rechnungstotal\b|total\s+rechnung\b|endtotal\b|gesamttotal\b|suma\s+total\b|totaal\s+factuur\b|total\s+ticket\b|total\s+receipt\b",
        ),
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
            r"(?<!items\s)(?<!goods\s)(?<!lines\s)(?<!line\s)(?<!page\s)(?<!vat\s)(?<!tax\s)(?<!net\s)\btotal\b(?!\s*(?:ht|h\.t|net|excl|before|tax|vat|tva|iva|due|sin|hors|without|items|weight|qty|quantity|discount|remise))|\btotale\b(?!\s*(?:imponibile|iva|netto))|\btotaal\b(?!\s*(?:btw|excl|netto))|\brazem\b|\bsumme\b",
        ),
    ),
    "payable": (
        (1.0, r"(?:total\s+|amount\s+)?you\s+owe\b|total\s+zahlbar\b|(?:betrag|summe)\s+zahlbar\b"),
        (
            1.0,
            r"zu\s+bezahlen\b(?!\s+bis)|(?:outstanding|remaining|open)\s+(?:balance|amount)\b|(?:balance|amount|total)\s+(?:payable|to\s+pay)\b|"
            r"nog\s+te\s+(?:betalen|voldoen)\b|te\s+voldoen\s+bedrag\b|pendiente\s+(?:de\s+pago)?\b|(?:montant|total|somme)\s+restant\w*(?:\s+[àa]\s+payer)?\b|"
            r"solde\b(?:\s+(?:restant\s+)?(?:d[ûu]|[àa]\s+(?:payer|r[ée]gler)))?|saldo\s+(?:da|a)\s+\w+|rest(?:ant)?saldo\b|offener\s+saldo\b",
        ),
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
            r"(?:abz[üu]gl(?:\.|ich)\s+)?(?:geleisteter?|erhaltener?|bezahlter?)\s+(?:an|voraus|abschlags)?zahlung(?:en)?\b|abschlags?zahlung(?:en)?\b|akonto(?:zahlung(?:en)?)?\b|"
            r"(?:entregad[oa]|pagad[oa]|abonad[oa])?\s*a\s+cuenta\b|se[ñn]al\b|payments?\s*/\s*credits?\b|less:?\s+(?:deposit|payments?)\b|paid\s+to\s+date\b|"
            r"(?:montant|somme)\s+d[ée]j[àa]\s+\w+|[àa]\s+valoir\b|acompte\s+d[ée]j[àa]\s+\w+|(?:gi[àa]|precedentemente)\s+(?:versat|pagat)[oi]\b|"
            r"voorschot(?:ten)?\b|ontvangen\s+(?:betaling|bedrag)\w*",
        ),
        (
            1.0,
            r"(?:erhaltene|geleistete|abzüglich)\s+(?:an|voraus|abschlags)?zahlung(?:en)?\b|anzahlung(?:en)?\b|bereits\s+(?:be|ge)zahlt\w*\b|vorauszahlung(?:en)?\b",
        ),
        (
            1.0,
            r"(?<!if\s)(?<!be\s)(?:amount\s+|already\s+)?(?:pre)?paid(?:\s+(?:amount|to\s+date|in\s+advance))?\b(?!\s+(?:by|before|within|on|if)\s+(?:the\s+)?\d)|deposit(?:\s+(?:paid|received))?\b|advance\s+payment\b|payments?\s+received\b|less\s+payments?\b",
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
            r"(?:übertrag|carried\s+forward|brought\s+forward|balance\s+(?:brought\s+)?forward|riporto|suma\s+(?:y\s+sigue|anterior)|rabatt|skonto|nachlass|abschlag|zuschlag|rundung|frachtkosten|versandkosten|porto|discount|shipping|freight|"
            r"rounding|remise|escompte|frais\s+de\s+port|descuento|portes|sconto|spese|korting|verzendkosten|grundbetrag|"
            r"gesamtbetrag\s+der\s+(?:zu|ab)schläge|capital|stammkapital|grundkapital|bruttopreis|nettopreis|einzelpreis|"
            r"stückpreis|unit\s+price|prix\s+unitaire|precio\s+unitario|prezzo\s+unitario|stuksprijs|ausstehende\s+forderung|"
            r"artikelgesamtrabatt|leergutwert|gewicht|weight)\w*",
        ),
    ),
}
