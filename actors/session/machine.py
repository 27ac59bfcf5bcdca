"""One turn of a conversation: what was said and read goes in, the state, the reply and the changes come out. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec.structs import replace

from actors.session.booking_ids import invoice_id_of
from actors.session.handlers import asking, changes, corrections, files, queries, settings, waiting
from actors.session.handlers.actions import intent_of_action
from actors.session.handlers.documents import with_documents
from actors.session.handlers.which import bookings_meant
from actors.session.state import SessionState
from actors.session.work import Said, Work, day_of
from invoices.book import Book
from invoices.changes import Change, Reminding
from invoices.intents import LANGUAGES, FieldName, Intent, Kind, intent_of, language_of, prepare
from invoices.intents.borne_out import says_yes
from invoices.invoice import Invoice
from messages.codec import Json
from messages.light import light_record
from messages.records import Attachment, Button, InboundMessage
from messages.user_messages import UserMessageManager

_MESSAGES: Final = UserMessageManager()
# What changes the books: understood by a model alone, it is asked back.
_SETTING: Final = frozenset({Kind.SET_LANGUAGE, Kind.SET_CURRENCY, Kind.SET_REMINDERS, Kind.REMIND})
_CHANGING: Final = frozenset(
    {Kind.CORRECT, Kind.MARK_PAID, Kind.MARK_UNPAID, Kind.RECORD, Kind.CONFIRM, Kind.CANCEL, *_SETTING}
)
_SAID_BESIDE: Final = frozenset({Kind.MARK_PAID, Kind.CORRECT, Kind.REMIND})
_TALK: Final = frozenset(
    {Kind.GREETING, Kind.HELP, Kind.CAPABILITIES, Kind.THANKS, Kind.FAREWELL, Kind.RETRY, Kind.UNCLEAR}
)
# What a model answers better than texts of ours, where there is one.
_CONVERSING: Final = _TALK - {Kind.RETRY}
prepare()


@dataclass(frozen=True, slots=True)
class DocumentOutcome:
    """What became of one attachment: the invoices in it, or the key of the words that say why there are none.

    made: digests of the files that were put into the blob store for it, and are let go of with the message's own.
    """

    attachment: Attachment
    invoices: tuple[Invoice, ...] = ()
    problem: str | None = None
    what: str | None = None
    retried: bool = False
    made: tuple[str, ...] = ()


@light_record
class Turn:
    """What one turn computes: the state after it, what is said, and what is to be done outside.

    is_talk: nothing of the books was asked for: small talk, or what the rules have not understood. file: to be made and
    to go with the reply (`with_file`).
    """

    state: SessionState
    text: str
    buttons: tuple[Button, ...] = ()
    data: Mapping[str, Json] = field(default_factory=dict)
    changes: tuple[Change | Reminding, ...] = ()
    is_talk: bool = False
    file: files.FileWanted | None = None


def with_file(turn: Turn, made: Mapping[str, Json] | None, *, is_possible: bool = True) -> Turn:
    """The turn with its file, as `files.produced` makes it; with a word in its place where there is none."""
    if made is not None:
        return dataclasses.replace(turn, data={**turn.data, **made}, file=None)
    text = files.without_file(turn.state.language, is_possible=is_possible)
    messages = turn.state.messages
    remembered = (*messages[:-1], replace(messages[-1], text=text)) if messages else ()
    return dataclasses.replace(turn, text=text, state=replace(turn.state, messages=remembered), file=None)


def new_session(message: InboundMessage, at: str) -> SessionState:
    """The state of a chat's first turn."""
    return SessionState(message.chat_id, message.user_id, created_at=at, updated_at=at, language=message.language)


def take_turn(
    state: SessionState, message: InboundMessage, message_id: str, outcomes: Sequence[DocumentOutcome], at: str,
    book: Book, intent: Intent | None = None,
) -> Turn:  # fmt: skip
    """Compute one turn.

    outcomes: of the message's attachments, in order. at: the time of acceptance, ISO 8601. book: what the chat has
    booked. intent: what the message asks for, where somebody else has understood it; None is found out by rules.
    """
    language = _language(state, message)
    work = Work(replace(state, language=language), message_id, message.user_id, at, book, language)
    said = _answer(work, message, outcomes, intent)
    settings.with_reminders(work)
    if work.is_away and said.text != work.say.say("ledger_away"):
        said = Said(f"{work.say.say('ledger_away')}\n\n{said.text}", said.buttons, said.data)
    told = message.text or message.action or ", ".join(outcome.attachment.name for outcome in outcomes)
    after = work.state.with_exchange(told, said.text, at, user_id=message.user_id, language=work.language)
    return Turn(after, said.text, said.buttons, said.data, tuple(work.changes), work.is_talk, work.file)


def understood_by_rules(state: SessionState, message: InboundMessage, at: str) -> Intent:
    """What the rules make of a message: its button, else its words."""
    by_button = intent_of_action(message.action) if message.action else None
    if by_button is not None:
        return by_button
    return intent_of(
        message.text or "", day_of(at), language=_base(_language(state, message)), asked=_asked_field(state),
        suppliers=state.suppliers,
    )  # fmt: skip


def _language(state: SessionState, message: InboundMessage) -> str | None:
    """What the person writes in, unless they have named another; at first what their device says."""
    if state.is_language_set:
        return state.language
    before = state.language or message.language
    if not message.text:
        return before
    return language_of(message.text, _base(before)) or before


def _base(language: str | None) -> str | None:
    base = (language or "").replace("_", "-").split("-")[0].lower()
    return base if base in LANGUAGES else None


def _asked_field(state: SessionState) -> FieldName | None:
    if state.asked is not None and state.asked.about == "field":
        return state.asked.field
    if state.waiting and state.asked is None:
        return waiting.question_field(state.waiting[0].invoice)
    return None


def _answer(work: Work, message: InboundMessage, outcomes: Sequence[DocumentOutcome], intent: Intent | None) -> Said:
    asked = work.state.asked
    if outcomes:
        work.set(asked=None)
        return _with_words_beside(work, message, outcomes, with_documents(work, outcomes))
    by_rules = understood_by_rules(work.state, message, work.at)
    wanted = by_rules if intent is None or message.action else intent
    work.set(asked=None if asked is None or asked.about != "field" else asked)
    # A question is answered by the person's own words; what a model makes of them completes nothing.
    completed = asking.answered(work, by_rules, asked, message)
    if completed is None and wanted is by_rules and wanted.kind is Kind.UNCLEAR:
        completed = asking.same_again(work, message)
    work.is_talk = completed is None and wanted.kind in _CONVERSING
    if completed is not None:
        return _with_reminder(work, completed, _do(work, completed))
    is_yes = wanted.kind is Kind.CONFIRM and says_yes(message.text or "")
    is_of_others = wanted is not by_rules and by_rules.kind is not wanted.kind and not is_yes
    if wanted.kind in _CHANGING and (is_of_others or wanted.is_guess):
        return _asked_back(work, wanted)
    if wanted.kind is Kind.CONFIRM:
        return asking.confirm(work, wanted, asked, message.action, _do)
    if wanted.kind is Kind.CANCEL:
        return asking.cancel(work, wanted, asked, message.action)
    return _with_reminder(work, wanted, _do(work, wanted))


def _with_words_beside(work: Work, message: InboundMessage, outcomes: Sequence[DocumentOutcome], said: Said) -> Said:
    """As in "this one is paid already", said along with a file of one invoice: it is about that invoice."""
    if not message.text or sum(len(outcome.invoices) for outcome in outcomes) != 1:
        return said
    intent = understood_by_rules(work.state, message, work.at)
    if intent.kind not in _SAID_BESIDE or (intent.kind is Kind.CORRECT and not intent.corrections):
        return said
    own = invoice_id_of(work.state.chat_id, work.message_id, 0)
    if intent.number is not None or intent.ordinal is not None:
        return said
    done = _do(work, replace(intent, invoice_id=own, supplier=None, reference=None))
    return Said(f"{said.text}\n\n{done.text}", done.buttons or said.buttons, done.data or said.data)


def _with_reminder(work: Work, intent: Intent, said: Said) -> Said:
    """After an answer about something else: what is still waiting, and its question."""
    about_it = intent.kind in (Kind.CORRECT, Kind.RECORD)
    following = None if about_it or work.state.asked is not None else waiting.next_question(work)
    if following is None or waiting.was_recalled_lately(work):
        return said
    if waiting.question(work, work.state.waiting[0]) in said.text:
        return said
    buttons = (*said.buttons, *waiting.question_buttons(work, work.state.waiting[0]))
    return Said(f"{said.text}\n\n{following}", buttons, said.data)


def _asked_back(work: Work, intent: Intent) -> Said:
    """Only a model has understood it so, or the words were not sure: the person's own yes comes first."""
    if intent.kind in (Kind.CONFIRM, Kind.CANCEL):
        if work.state.waiting:
            return waiting.asked_about(work, work.state.waiting[0])
        return _talk(work, Intent(Kind.UNCLEAR))
    text = _question(work, intent)
    if text is None:
        return _do(work, intent)
    work.ask("do", intent=msgspec.to_builtins(intent))
    return Said(text, (work.button("Yes", "yes"), work.button("No", "no")))


def _question(work: Work, intent: Intent) -> str | None:
    """Whether to do what a model understood; None where nothing would be done without another question."""
    if intent.kind is Kind.RECORD:
        return None
    if intent.kind in _SETTING:
        return settings.question(work, intent)
    draft = waiting.named(work, intent.invoice_id, intent.number) if intent.kind is Kind.CORRECT else None
    found = () if draft is not None else bookings_meant(work, intent)
    if draft is None and not found:
        return None
    invoice = draft.invoice if draft is not None else found[0].invoice
    summary = work.answers.summary(invoice)
    if intent.kind is Kind.CORRECT:
        if not intent.corrections or any(corrections.value_of(it) is None for it in intent.corrections):
            return None
        told = corrections.told_changes(work, intent.corrections, corrections.corrected(invoice, intent.corrections))
        return work.say.say("ask_correct", invoice=work.answers.name(invoice), changes=told)
    return work.say.say(f"ask_{intent.kind.value}", invoice=summary)


_DEEDS: Final[Mapping[Kind, Callable[[Work, Intent], Said]]] = {
    Kind.RECORD: corrections.record,
    Kind.CORRECT: corrections.correct,
    Kind.SHOW: queries.show,
    Kind.LIST: queries.list_,
    Kind.SUM: queries.sum_,
    Kind.COMPARE: queries.compare,
    Kind.DUE: queries.due,
    Kind.OVERDUE: queries.overdue,
    Kind.MARK_PAID: changes.mark_paid,
    Kind.MARK_UNPAID: changes.mark_unpaid,
    Kind.DELETE: changes.ask_to_delete,
    Kind.PAY: changes.cannot_pay,
    Kind.KEEP: changes.keep,
    Kind.EXPORT: files.export_file,
    Kind.SET_LANGUAGE: settings.set_language,
    Kind.SET_CURRENCY: settings.set_currency,
    Kind.SET_REMINDERS: settings.set_reminders,
    Kind.REMIND: settings.remind,
}


def _do(work: Work, intent: Intent) -> Said:
    deed = _DEEDS.get(intent.kind)
    said = deed(work, intent) if deed is not None else _talk(work, intent)
    if intent.kind is Kind.SHOW and not said.data and not work.state.waiting and not _has_books(work):
        message = _MESSAGES.for_language(work.language).get_message("no_invoice_yet")
        return Said(message.text, message.buttons)
    return said


def _has_books(work: Work) -> bool:
    return bool(work.state.remembered() or work.state.listed)


def _talk(work: Work, intent: Intent) -> Said:
    kind = intent.kind if intent.kind in _TALK else Kind.UNCLEAR
    message = _MESSAGES.for_language(work.language).get_message(f"talk_{kind.value}")
    buttons = message.buttons
    if _has_books(work):
        buttons = (work.button("Show what is due", "due"), work.button("Show the last invoice", "show_last"))
    return Said(message.text, buttons)
