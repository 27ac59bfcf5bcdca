"""What names, streets and towns look like: the words and shapes of addresses in Europe and North America."""

from __future__ import annotations

import re
from typing import Final

from invoices.fields.amounts import find_amounts
from invoices.fields.dates import find_dates

LEGAL_FORM: Final = re.compile(
    r"(?<!\w)(?:G\s?mbH(?:\s*&\s*Co\.?(?:\s*(?:KG|OHG))?(?:aA)?)?|gGmbH|GMBH(?:\s*&\s*CO\.?\s*KG)?|UG(?:\s*\(haftungsbeschränkt\))?|"
    r"AG(?:\s*&\s*Co\.?\s*KG)?|KGaA|KG|OHG|GbR|e\.?\s?K(?:fm|fr)?\.?|e\.?\s?V\.|eG|SE|a\.\s?G\.|mbH|Ges\.m\.b\.H\.?|"
    r"Ltd\.?|LTD\.?|Limited|LIMITED|LLC|L\.L\.C\.|Inc\.?|INC\.?|Incorporated|Corp\.?|Corporation|PLC|plc|LLP|"
    r"S\.?A\.?R\.?L\.?|S\.A\.S\.?U?\.?|SASU?|EURL|S\.A\.|SA|SNC|SCI|S\.L\.U?\.?|SLU?|S\.?r\.?l\.?s?|S\.?R\.?L\.?|S\.?p\.?A\.?|"
    r"S\.n\.c\.|S\.a\.s\.|B\.V\.|N\.V\.|V\.O\.F\.|BVBA|BV|NV|VOF|A/S|ApS|AB|Oy|AS|Sp\.\s?z\s?o\.\s?o\.|spółka\s+akcyjna|s\.r\.o\.|Kft\.?)"
    r"(?!\w)"
)  # fmt: skip
_TOWN: Final = r"[A-ZÄÖÜÉŁŚ][\w'.\-]+"
POSTAL_LINE: Final = re.compile(
    rf"^(?:[A-Z]{{1,3}}\s?[-\u2013 ]\s?)?"
    rf"(?:\d{{4,5}}\s?[A-Z]{{2}}\s+{_TOWN}|\d{{4,5}}[ ,]+{_TOWN}|\d{{5}}{_TOWN}|\d{{2}}-\d{{3}}\s+{_TOWN})"
    r"|^(?:[A-Z]{2}\s+)?[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}$"
    rf"|^{_TOWN}(?:\s{_TOWN}){{0,3}},?\s+(?:[A-Z]{{2}}|{_TOWN})\s+\d{{5}}(?:-\d{{4}})?$"
)
POSTAL: Final = re.compile(
    rf"(?<![\w.,/\-])(?:[A-Z]{{1,2}}[-\s])?(?:\d{{5}}|\d{{4}}(?:\s?[A-Z]{{2}})?|\d{{2}}-\d{{3}})\s*,?\s*{_TOWN}"
)
STREET: Final = re.compile(
    r"(?:\w*(?:stra(?:ß|ss)e|str\.?|weg|allee|platz|gasse|ring|damm|ufer|chaussee|promenade)\b\s*\d*)|"
    r"\b(?:rue|avenue|av\.|boulevard|bd\.?|chemin|place|all[ée]e|impasse|route|quai|calle|c/|avda\.?|avenida|plaza|paseo|carrer|via|"
    r"viale|piazza|corso|largo|street|st\.?|road|rd\.?|lane|drive|dr\.?|ave\.?|way|square|court|straat|laan|plein|gracht|kade|ul\.)"
    r"(?=[\s,]|$)|^\d{1,5}\s*(?:bis|ter)?,?\s+[A-Za-zÀ-ÿ]|[A-Za-zÀ-ÿ.\-]{3,}\s+\d{1,4}\s?[a-zA-Z]?$|"
    r"\b(?:postfach|p\.?\s?o\.?\s+box|bp|casella\s+postale|postbus)\b",
    re.IGNORECASE,
)
SALUTATION: Final = re.compile(
    r"^(?:herrn?|frau|eheleute|firma|fa\.|familie|mr\.?|mrs\.?|ms\.?|m\.|mme|monsieur|madame|messrs\.?|sr\.?|sra\.?|sig\.?|spett\.?le|"
    r"dhr\.?|mevr\.?)$",
    re.IGNORECASE,
)
_TO_THE_FIRM: Final = re.compile(r"^(?:firma|fa\.|messrs\.?|spett\.?le)$", re.IGNORECASE)
_NOT_A_NAME: Final = re.compile(
    r"@|https?:|www\.|:\s*$|\b(?:tel|fax|fon|phone|telefon|telefax|mobil|e-?mail|iban|bic|swift|gln|gtin|hrb|hra|ust|vat|tva|siret|"
    r"siren|seite|page|datum|date|nummer|number|kunden-?(?:nr|nummer)|rechnung\w*|invoice|facture|factura|fattura|factuur|lief-nr|"
    r"steuer\w*|globale|bestell\w*|order|auftrag|avoir|gutschrift|credit\s+note|total|summe|betrag|name|anschrift|adresse|address|verkäufer|"
    r"käufer|to|an|seller|buyer|customer|leistungsempfänger|copy|kopie|original|duplicate)\b",
    re.IGNORECASE,
)
_COUNTRY: Final = re.compile(
    r"(?:the\s+)?(?:deutschland|germany|allemagne|alemania|germania|duitsland|[öo]sterreich|austria|autriche|oostenrijk|schweiz|switzerland|suisse|suiza|svizzera|"
    r"zwitserland|france|frankreich|francia|frankrijk|italia|italien|italy|italie|itali[ëe]|espa[ñn]a|spanien|spain|espagne|spagna|spanje|nederland|netherlands|"
    r"niederlande|pays-bas|pa[íi]ses\s+bajos|paesi\s+bassi|belgi[ëe]|belgien|belgium|belgique|b[ée]lgica|belgio|luxembourg|luxemburg|lussemburgo|portugal|portogallo|"
    r"polska|poland|polen|pologne|polonia|ireland|irland|irlande|irlanda|ierland|united\s+(?:states(?:\s+of\s+america)?|kingdom)|usa|u\.s\.a\.|uk|great\s+britain|england|"
    r"[ée]tats-unis|estados\s+unidos|stati\s+uniti|verenigde\s+staten|vereinigte\s+staaten|royaume-uni|reino\s+unido|regno\s+unito|canada|australia|denmark|d[äa]nemark|"
    r"danmark|sweden|schweden|sverige|norway|norwegen|norge|finland|finnland|suomi|czech\s+republic|tschechien|hungary|ungarn)\W*$",
    re.IGNORECASE,
)
IMPRINT: Final = re.compile(
    r"\bHR[AB]\b|registergericht|amtsgericht|\bUSt|geschäftsführ|\bVAT\b|company\s+(?:no|reg)|SIRET|\bRCS\b|au\s+capital|"
    r"P\.?\s?IVA|\bKvK\b|\bNIF\b|\bCIF\b|handelsregister|registered\s+(?:in|office)|sitz\s+der\s+gesellschaft",
    re.IGNORECASE,
)
CONTACT: Final = re.compile(r"@|www\.|https?:|\b(?:tel|fax|phone|fon|telefon|telefax|mobile?|t[ée]l)\b", re.IGNORECASE)
DOMAIN: Final = re.compile(r"(?:@|www\.|https?://(?:www\.)?)([a-z0-9][a-z0-9.\-]*[a-z0-9])", re.IGNORECASE)
NAME_CHARS_MAX: Final = 90
_SEPARATOR: Final = re.compile(r"\s*[·•●|∙■▪*\u2022\u2013\u2014]\s*|\s+-\s+|\s*,\s+|\s{2,}")


def is_name(text: str) -> bool:
    """Whether a text can be the name of a person or a company."""
    letters = sum(char.isalpha() for char in text)
    if letters < 2 or len(text) > NAME_CHARS_MAX or letters * 2 < len(text) or not text[0].isalnum():
        return False
    return (
        not _NOT_A_NAME.search(text) and not _COUNTRY.match(text) and not any(find_dates(text)) and not has_cents(text)
    )


def has_cents(text: str) -> bool:
    """Whether an amount with cents stands in a text, as in a table."""
    return any(amount.decimals == 2 for amount in find_amounts(text))


def is_postal_line(text: str) -> bool:
    """Whether a line is the one of an address with postal code and town."""
    if len(text) > 55 or ":" in text or "%" in text or has_cents(text) or any(find_dates(text)):
        return False
    return POSTAL_LINE.search(text) is not None


def is_street(text: str) -> bool:
    """Whether a line is a street with a house number."""
    return STREET.search(text) is not None and any(char.isdigit() for char in text) and not LEGAL_FORM.search(text)


def parts_of(text: str) -> list[str]:
    """The parts of a line that separators such as dots, dashes and commas set apart."""
    return [part.strip() for part in _SEPARATOR.split(text) if part.strip()]


def name_of_lines(lines: list[str]) -> str | None:
    """The name at the head of an address: one line, or two where the first alone is none."""
    head: list[str] = []
    for line in (line.strip(" :,;") for line in lines[:4]):
        if not line or is_postal_line(line) or (head and STREET.search(line)) or not is_name(line):
            if head:
                break
            continue
        head.append(line)
    if not head or is_street(head[0]):
        return None
    if len(head) > 1 and _TO_THE_FIRM.match(head[0]):
        return head[1]
    joined = len(head) > 1 and (
        SALUTATION.match(head[0]) is not None
        or (not LEGAL_FORM.search(head[0]) and LEGAL_FORM.search(head[1]) is not None)
    )
    return f"{head[0]} {head[1]}" if joined else head[0]


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same but for spelling, or one is the longer form of the other."""
    first, second = (re.sub(r"\W", "", name).lower() for name in (one, other))
    return first == second or (min(len(first), len(second)) > 4 and (first in second or second in first))


def in_domain(name: str, domains: set[str]) -> bool:
    """Whether a name's own words make up a part of one of these domains of the web."""
    bare = re.sub(r"[^a-z0-9]", "", LEGAL_FORM.sub("", name).lower())
    words = [word for word in re.findall(r"[a-z0-9]{5,}", name.lower()) if not LEGAL_FORM.search(word)]
    flat = [re.sub(r"[^a-z0-9]", "", domain.lower()) for domain in domains]
    return any((len(bare) > 3 and bare in domain) or any(word in domain for word in words[:1]) for domain in flat)
