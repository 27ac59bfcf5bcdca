"""What a person wants, told from the words of a message by rules alone: one set of rules over four vocabularies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

from msgspec.structs import replace

from invoices.intents.asides import aside, payment_wanted, several
from invoices.intents.asides import told as told_invoice
from invoices.intents.corrections import Said, corrections_of, said_in
from invoices.intents.intent import LANGUAGES, Correction, FieldName, Intent, Kind
from invoices.intents.language import order_of, scores, told_by
from invoices.intents.slots import Slots
from invoices.intents.vocabulary import VOCABULARIES, Vocabulary

# "Hello!", "yes": what is this short is said again and again, and understood once.
_SAID_ALL_THE_TIME: int = 24
_SHORT: int = 4
_WORDS_OF_AN_ANSWER: int = 7
# What is not done on the strength of a mended word, or of another language than the message's.
_LEAVING_SOMETHING: Final = frozenset({
    Kind.CONFIRM, Kind.CANCEL, Kind.CORRECT, Kind.MARK_PAID, Kind.MARK_UNPAID, Kind.SET_CURRENCY, Kind.SET_REMINDERS,
})  # fmt: skip


def intent_of(
    text: str,
    today: dt.date,
    *,
    language: str | None = None,
    asked: FieldName | None = None,
    suppliers: Sequence[str] = (),
) -> Intent:
    """Tell what a message asks for; UNCLEAR when no rule knows it. Looks at its first 500 characters.

    language: of the conversation so far. asked: the field whose value was asked for last. suppliers: names that are
    known, which are recognised wherever they stand.
    """
    if len(text) <= _SAID_ALL_THE_TIME:
        return _short_intent(text, today, language, asked, tuple(suppliers))
    return _intent_of(text, today, language, asked, suppliers)


@lru_cache(maxsize=512)
def _short_intent(
    text: str, today: dt.date, language: str | None, asked: FieldName | None, suppliers: tuple[str, ...]
) -> Intent:
    return _intent_of(text, today, language, asked, suppliers)


def _intent_of(
    text: str, today: dt.date, language: str | None, asked: FieldName | None, suppliers: Sequence[str]
) -> Intent:
    told_scores = scores(text)
    told = told_by(told_scores, language)
    order = order_of(told_scores, language)
    if told is not None:
        order = (told, *(other for other in order if other != told))
    unclear: Intent | None = None
    for each in order:
        is_theirs = each == order[0]
        rules = _Rules(said_in(text, each, mends=is_theirs), VOCABULARIES[each], today, asked, suppliers)
        intent = rules.intent()
        if rules.is_decided:
            return intent
        if intent.kind is not Kind.UNCLEAR:
            plain = said_in(text, each, mends=False)
            is_guess = told is not None and not is_theirs
            if not is_guess and intent.kind in _LEAVING_SOMETHING and plain.mended != rules.said.mended:
                is_guess = _Rules(plain, VOCABULARIES[each], today, asked, suppliers).intent().kind is not intent.kind
            return replace(intent, is_guess=True) if is_guess and intent.kind in _LEAVING_SOMETHING else intent
        unclear = unclear or intent
    return Intent(Kind.UNCLEAR, language=told)  # type: ignore[arg-type]


def prepare() -> None:
    """Compile every language's words: a tenth of a second, better spent before anybody waits."""
    for language in LANGUAGES:
        intent_of(_SPECIMEN, dt.date(2026, 1, 1), language=language)


_SPECIMEN = "qwertz invoice rechnung facture factura 12.50"


@dataclass
class _Rules:
    """The rules over one message in one language."""

    said: Said
    words: Vocabulary
    today: dt.date
    asked: FieldName | None
    known: Iterable[str]
    ideas: dict[str, bool] = field(default_factory=dict)
    is_decided: bool = False

    def has(self, *concepts: str) -> bool:
        """Whether any of the ideas is there."""
        for concept in concepts:
            there = self.ideas.get(concept)
            if there is None:
                there = self.ideas[concept] = self.words.pattern(concept).search(self.said.mended) is not None
            if there:
                return True
        return False

    @cached_property
    def count(self) -> int:
        """How many words there are."""
        return len(self.said.seen.split())

    @cached_property
    def asks(self) -> bool:
        """Whether it is put as a question."""
        if self.said.seen.rstrip(" !").endswith("?") or self.has("how_much", "when_question"):
            return True
        return self.begins_with("which") and not self.begins_with("all")

    @cached_property
    def corrections(self) -> tuple[Correction, ...]:
        """The values it gives, if it is no question."""
        if self.asks or not self.said.seen:
            return ()
        found = corrections_of(self.words.language).find(self.said, self.today)
        if found or self.asked is None:
            return found or self._unlabelled()
        if self.count > _WORDS_OF_AN_ANSWER:
            return ()
        value = corrections_of(self.words.language).bare(self.said, self.asked, self.today)
        return (Correction(self.asked, value),) if value and not self._answers() else ()

    def _unlabelled(self) -> tuple[Correction, ...]:
        """As in "no, 120.50", "should be 99.90": an amount that is put right without its name is the total."""
        if not (self.has("right", "wrong") or self.begins_with("no")) or self.count > _WORDS_OF_AN_ANSWER:
            return ()
        amounts = [found for found in self.slots.amounts if found.is_marked]
        return (Correction("gross", str(amounts[0].value)),) if len(amounts) == 1 else ()

    def _answers(self) -> bool:
        return self.count <= _SHORT and (self.begins_with("yes", "no", "never_mind") or self.has("never_mind"))

    @cached_property
    def slots(self) -> Slots:
        """Everything else that it names."""
        return Slots(self.said, self.words, self.today, self.known)

    def begins_with(self, *concepts: str) -> bool:
        return any(self.words.pattern(concept).match(self.said.mended) for concept in concepts)

    def _is_only(self, concept: str) -> bool:
        """Whether the message is little else than this."""
        match = self.words.pattern(concept).match(self.said.mended)
        return match is not None and len(self.said.mended[match.end() :].split()) <= 2

    def intent(self) -> Intent:
        """What is asked for."""
        kind = self._kind()
        return self._filled(kind)

    def _kind(self) -> Kind:
        for tell_first in (aside, told_invoice, payment_wanted, several):
            kind = tell_first(self)
            if kind is not None:
                self.is_decided = True
                return kind
        for tell in (
            self._about_the_agent, self._preference, self._reminder, self._removal, self._export, self._payment,
            self._comparison, self._correction, self._record, self._amounts_due, self._sum, self._answer, self._listing,
            self._one_invoice, self._talk,
        ):  # fmt: skip
            kind = tell()
            if kind is not None:
                return kind
        return Kind.UNCLEAR

    def _about_the_agent(self) -> Kind | None:
        if self.said.seen.strip() and not self.said.seen.strip("?! "):
            return Kind.HELP
        if self.has("capabilities"):
            return Kind.CAPABILITIES
        return Kind.RETRY if self.has("retry") and self.count <= 6 else None

    def _preference(self) -> Kind | None:
        slots = self.slots
        if (
            slots.new_language
            and (self.has("speak") or self.count <= 2)
            and not self.has("invoices", "export", "delete")
        ):
            return Kind.SET_LANGUAGE
        bare = slots.currency_named and not slots.amounts
        if (
            bare
            and self.has("by_default")
            and (self.has("currency_word") or self.count <= 6)
            and not self._is_about_one()
        ):
            return (
                None
                if self.has("how_much", "sum", "invoices", "spent") and not self.has("currency_word")
                else Kind.SET_CURRENCY
            )
        return None

    def _is_about_one(self) -> bool:
        return self.slots.number is not None or (self.has("it", "last_one") and self.has("wrong"))

    def _reminder(self) -> Kind | None:
        if not self.has("remind", "reminders"):
            return None
        if self.has("off"):
            return Kind.SET_REMINDERS
        if self.has("reminders") and not self.slots.days_before and not self.slots.days:
            return Kind.SET_REMINDERS
        return Kind.SET_REMINDERS if self.has("reminders") and not self.has("it") else Kind.REMIND

    def _removal(self) -> Kind | None:
        if not self.has("delete") or self._is_wrong_with_value():
            return None
        return Kind.DELETE

    def _is_wrong_with_value(self) -> bool:
        return (
            bool(self.corrections)
            and self.has("wrong", "right")
            and not self.words.pattern("delete").match(self.said.mended)
        )

    def _export(self) -> Kind | None:
        if self.has("export"):
            return Kind.EXPORT
        if self.slots.format and (self.has("send", "show", "all", "invoices", "it") or self.count <= _SHORT):
            return Kind.EXPORT
        return None

    def _payment(self) -> Kind | None:
        lists = self.has("invoices", "which", "all", "show") or (self.slots.period is not None and not self._tells())
        if self.has("mark") and self.has("paid", "unpaid", "not_paid") and not self.has("how_much", "which"):
            return Kind.MARK_UNPAID if self.has("unpaid", "not_paid") else Kind.MARK_PAID
        if self.has("not_paid"):
            return (
                Kind.LIST
                if (self.has("invoices", "which", "show") and not self.has("still")) or self.asks
                else Kind.MARK_UNPAID
            )
        if self.has("unpaid"):
            return (
                Kind.MARK_UNPAID
                if self.has("it") and not self.has("show", "invoices") and not self.asks and not self._plural()
                else Kind.LIST
            )
        if not self.has("paid") or self.has("how_much", "sum", "spent", "compare", "overdue"):
            return None
        if self.has("owed"):
            return None
        if self.asks:
            return Kind.LIST if lists and self.has("invoices", "which") and not self.has("question") else Kind.SHOW
        return Kind.LIST if lists and self.has("invoices", "show") and not self.has("mark") else Kind.MARK_PAID

    def _plural(self) -> bool:
        return self.slots.period is not None

    def _tells(self) -> bool:
        """Whether it tells what was done: a day, not a stretch of time, goes with that."""
        period = self.slots.period
        return period is None or (period.first == period.last and period.first is not None)

    def _comparison(self) -> Kind | None:
        slots = self.slots
        if self.has("compare") and (slots.periods or len(slots.suppliers) > 1 or self.count <= 6):
            return Kind.COMPARE
        if self.has("than") and slots.periods and slots.amount_min is None and slots.amount_max is None:
            return Kind.COMPARE
        return None

    def _correction(self) -> Kind | None:
        if self.slots.called is not None and not self.asks and not self.slots.periods:
            return Kind.CORRECT
        if self.has("one_told") and not self.has("wrong", "right"):
            return None
        if self.corrections and not self.has("how_much", "record"):
            return Kind.CORRECT
        if self.has("wrong") and not self.has("invoices") and not self.asks:
            return Kind.CORRECT
        return None

    def _amounts_due(self) -> Kind | None:
        if self.has("overdue") and not (self.has("right") and self.asked):
            return Kind.OVERDUE
        if self.has("when_question") and self.has("due", "owed", "paid"):
            one = self.slots.names_one or self.has("it") or (self.slots.supplier and not self.has("invoices"))
            return Kind.SHOW if one else Kind.DUE
        if self.has("owed", "due"):
            return None if self.has("record") and self.corrections else Kind.DUE
        return None

    def _sum(self) -> Kind | None:
        if not self.has("how_much", "spent", "sum"):
            return None
        if self.has("spent", "sum") or self.slots.has_filter:
            return Kind.SHOW if self.slots.names_one and not self.has("spent") else Kind.SUM
        return Kind.SHOW if self.has("it", "last_one", "invoice") and not self.has("invoices", "all") else Kind.SUM

    def _answer(self) -> Kind | None:
        if (
            self.has("never_mind")
            and self.count <= _WORDS_OF_AN_ANSWER
            and self.begins_with("never_mind", "no", "yes", "still")
        ):
            return Kind.CANCEL
        if self._is_only("yes") and not self.has("show", "invoices", "help"):
            return Kind.CONFIRM
        return Kind.CANCEL if self._is_only("no") and not self.has("show", "invoices") else None

    def _record(self) -> Kind | None:
        if not self.has("record"):
            return None
        if self.corrections or self.slots.amounts or (self.has("invoice") and self.begins_with("record")):
            return Kind.RECORD if self.begins_with("record") or not self.has("which", "arrived") else None
        return None

    def _listing(self) -> Kind | None:
        slots = self.slots
        if self.has("arrived") and (slots.periods or self.has("which", "all", "invoices")):
            return Kind.LIST
        if slots.names_one and not self.has("all", "invoices"):
            return None
        if self.has("invoices", "credit_note") and (
            self.has("show", "all", "which") or slots.has_filter or self.count <= 3
        ):
            return Kind.LIST
        if self.has("all", "show", "which") and (slots.has_filter or (self.has("all") and self.has("show"))):
            return Kind.LIST
        return Kind.LIST if self._is_only("all") and self.count <= 2 else None

    def _one_invoice(self) -> Kind | None:
        slots = self.slots
        if slots.names_one and (self.has("show", "invoice", "about", "which", "it") or self.count <= _SHORT):
            return Kind.SHOW
        if self.has("last_one") and not self.has("thanks"):
            return Kind.SHOW
        if self.has("show") and (self.has("it", "invoice") or self.count <= 2):
            return Kind.SHOW
        if slots.supplier and (self.has("invoice") or self.count <= 2):
            return Kind.LIST
        return None

    def _talk(self) -> Kind | None:
        for concept, kind in (
            ("help", Kind.HELP), ("farewell", Kind.FAREWELL), ("thanks", Kind.THANKS), ("greeting", Kind.GREETING),
            ("yes", Kind.CONFIRM), ("no", Kind.CANCEL),
        ):  # fmt: skip
            if self.has(concept) and (concept not in ("yes", "no") or self.begins_with(concept)):
                return kind
        return None

    def _filled(self, kind: Kind) -> Intent:
        intent = self.slots.filled(kind)
        match kind:
            case Kind.CORRECT:
                called = self.slots.called
                found = self.corrections or ((Correction("seller.name", called),) if called else ())
                return self.slots.with_corrections(intent, found)
            case Kind.RECORD:
                return replace(intent, corrections=self.slots.told(self.corrections))
            case Kind.SET_REMINDERS:
                return self.slots.with_reminders(intent, is_on=not self.has("off"))
            case Kind.DELETE if self.is_decided:
                return replace(intent, reference=intent.reference or "it")
            case Kind.LIST if self.has("most", "least"):
                return self.slots.with_order(intent, is_largest=self.has("most"))
            case _:
                return self._of_several(kind, intent)

    def _of_several(self, kind: Kind, intent: Intent) -> Intent:
        if kind is Kind.SUM and self.has("average"):
            return replace(intent, is_average=True)
        if kind is Kind.EXPORT and self.has("owed", "overdue"):
            return self.slots.with_paid(intent, is_paid=False)
        if (
            kind in (Kind.LIST, Kind.SUM, Kind.EXPORT)
            and self.has("unpaid", "not_paid", "paid")
            and not self.has("spent")
        ):
            return self.slots.with_paid(intent, is_paid=not self.has("unpaid", "not_paid"))
        return intent
