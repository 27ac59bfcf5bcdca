"""Whether a message is in a language that has no rules: then what rules make of it is a guess, and a model is asked.

Told by the words that everybody uses all the time, and a few about invoices. Spanish rules find something in many an
Italian sentence, and it is not always what was meant.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from invoices.intents.language import scores

_CHARS_MAX: Final = 500
_WORD: Final = re.compile(r"[^\W\d_]+")
# A common word of the languages that have rules counts as much there.
_WEIGHT: Final = 2
_LETTERS_MIN: Final = 3
_WORDS: Final = {
    language: frozenset(words.split())
    for language, words in {
        "it": "il la le un di lo gli della delle degli dei nel nella è sono ho hai abbiamo che chi cosa quanto "
        "quale quali questo questa quest questi mi ti si non più anche con per tra fra dopo prima ieri oggi "
        "domani mese anno fattura fatture pagare pagato pagata saldata saldato ultima ultimo elimina cancella "
        "mostrami dimmi scade scadenza fornitore totale importo devo speso grazie perché quando dove allora "
        "già ancora sì una uno",
        "nl": "het een de van ik je jij wij zijn heb hebt heeft hoe hoeveel moet moeten nog wat welke wanneer waar "
        "niet geen wel deze dit die dat met voor naar bij uit over vandaag morgen gisteren maand jaar factuur "
        "facturen betalen betaald verwijder toon laatste bedrag leverancier vervalt graag alstublieft dank "
        "verschuldigd",
        "pt": "o de do os um uma não é são eu você ele nós meu minha quanto qual quais este esta isto isso com "
        "para por ao dos das nos nas mês ano hoje ontem amanhã fatura faturas pagar pago paga devo gastei "
        "última último apague mostre vence vencimento fornecedor valor obrigado já ainda quando onde em "
        "também",
        "pl": "jest są nie ja mi mój moja ile jaki jaka które kiedy gdzie co to ten ta z na do w za od przez dla "
        "faktura faktury fakturę zapłacić zapłacone zapłaciłem wydałem usuń pokaż ostatnia ostatnią kwota "
        "dostawca termin dzisiaj wczoraj jutro miesiąc rok proszę dziękuję",
        "sv": "jag är och att det en ett inte har hur mycket vad vilka vilken när var mina min mitt med för till "
        "från faktura fakturor fakturan betala betald betalt ta bort visa senaste belopp förfaller idag igår "
        "imorgon",
        "da": "jeg er og at det en et ikke har hvor meget hvad hvilke hvilken hvornår mine min mit med for til fra "
        "faktura fakturaer fakturaen regning betale betalt slet vis seneste beløb forfalder skylder i dag går",
        "cs": "je jsou ne já mi můj moje kolik jaký jaká které kdy kde co to ten ta na do v za od pro faktura "
        "faktury fakturu zaplatit zaplaceno smaž ukaž poslední částka dodavatel splatnost dnes včera zítra",
        "tr": "bu bir ve ne kadar hangi ne zaman nerede benim için ile değil fatura faturalar ödedim ödeme borcum "
        "sil göster son tutar tedarikçi bugün dün",
        "ro": "este sunt nu eu mi cât care când unde ce acest această cu pentru din la pe factură facturi factura "
        "plăti plătit plătită șterge arată ultima sumă furnizor scadență azi ieri mâine luna anul",
    }.items()
}


def is_in_another_language(text: str) -> bool:
    """Whether more speaks for a language without rules than for any of those that have them."""
    seen = text[:_CHARS_MAX]
    letters = [character for character in seen if character.isalpha()]
    if len(letters) < _LETTERS_MIN:
        return False
    if sum(1 for character in letters if "LATIN" in unicodedata.name(character, "")) * 2 < len(letters):
        return True
    words = set(_WORD.findall(seen.casefold()))
    other = max(len(words & known) for known in _WORDS.values())
    return _WEIGHT * other > max(scores(seen).values())
