"""One turn of a conversation: what was said and read goes in, the new state and the reply come out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.session.state import KnownInvoice, SessionState
from invoices.answers import last_invoice, reading_of
from invoices.book import Book
from invoices.changes import Change, Reminding
from invoices.intents import Intent, Kind, intent_of
from invoices.invoice import Invoice, from_plain, to_plain, to_protocol
from messages.codec import Json
from messages.light import light_record
from messages.records import Attachment, Button, InboundMessage
from messages.user_messages import UserMessageManager

_MESSAGES: Final = UserMessageManager()
_HELP_BUTTON: Final = Button("What can you do?", "help")
_LAST_BUTTON: Final = Button("Show the last invoice", "show_last")
_ACTIONS: Final = {
    "help": Intent(Kind.CAPABILITIES),
    "show_last": Intent(Kind.SHOW, reference="last"),
    "show": Intent(Kind.SHOW, reference="last"),
    "retry": Intent(Kind.RETRY),
}


@dataclass(frozen=True, slots=True)
class DocumentOutcome:
    """What became of one attachment: the invoices in it, or the key of the words that say why there are none."""

    attachment: Attachment
    invoices: tuple[Invoice, ...] = ()
    problem: str | None = None
    what: str | None = None
    retried: bool = False


@light_record
class Turn:
    """What one turn computes: the state after it, what is said, and what changes outside."""

    state: SessionState
    text: str
    buttons: tuple[Button, ...] = ()
    data: Mapping[str, Json] = field(default_factory=dict)
    changes: tuple[Change | Reminding, ...] = ()


def new_session(message: InboundMessage, at: str) -> SessionState:
    """The state of a chat's first turn."""
    return SessionState(message.chat_id, message.user_id, created_at=at, updated_at=at, language=message.language)


def take_turn(
    state: SessionState, message: InboundMessage, message_id: str, outcomes: Sequence[DocumentOutcome], at: str,
    book: Book,  # noqa: ARG001 - these answers are about the conversation's own invoices
    intent: Intent | None = None,
) -> Turn:  # fmt: skip
    """Compute one turn.

    outcomes: of the message's attachments, in order. at: the time of acceptance, ISO 8601. book: what the chat has
    booked. intent: what the message asks for, where somebody else has understood it; None is found out by rules.
    """
    turn = _with_documents(state, message_id, outcomes, at) if outcomes else _with_words(state, message, intent)
    said = message.text or message.action or ", ".join(outcome.attachment.name for outcome in outcomes)
    after = turn.state.with_exchange(said, turn.text, at, user_id=message.user_id, language=message.language)
    return Turn(after, turn.text, turn.buttons, turn.data, turn.changes)


def _with_documents(state: SessionState, message_id: str, outcomes: Sequence[DocumentOutcome], at: str) -> Turn:
    texts: list[str] = []
    found: list[Invoice] = []
    known: list[KnownInvoice] = []
    for outcome in outcomes:
        name = outcome.attachment.name or "your file"
        if outcome.invoices:
            texts.append(reading_of(name, outcome.invoices))
            found += outcome.invoices
            known += [KnownInvoice(message_id, name, at, to_plain(invoice)) for invoice in outcome.invoices]
        else:
            texts.append(_problem_text(outcome, name))
    return Turn(
        state.with_invoices(*known),
        "\n\n".join(texts),
        (_LAST_BUTTON, _HELP_BUTTON) if found else (_HELP_BUTTON,),
        _data_about(found),
    )


def _problem_text(outcome: DocumentOutcome, name: str) -> str:
    key = f"document_{outcome.problem}"
    if key not in _MESSAGES.keys():  # noqa: SIM118 - the manager's method, not a mapping's
        key = "document_unreadable"
    return _MESSAGES.get_message(key, file_name=name, what=outcome.what or "").text


def _data_about(invoices: Sequence[Invoice]) -> Mapping[str, Json]:
    if len(invoices) == 1:
        return {"invoice": to_protocol(invoices[0])}
    if invoices:
        return {"invoices": [to_protocol(invoice) for invoice in invoices]}
    return {}


def _with_words(state: SessionState, message: InboundMessage, intent: Intent | None) -> Turn:
    if message.action in _ACTIONS:
        intent = _ACTIONS[message.action]
    if intent is None:
        intent = intent_of(message.text or "")
    if intent.kind is Kind.SHOW and state.invoices:
        return _about_the_last(state)
    buttons = (_LAST_BUTTON,) if state.invoices else (_HELP_BUTTON,)
    key = "no_invoice_yet" if intent.kind is Kind.SHOW else f"talk_{intent.kind.value}"
    return Turn(state, _MESSAGES.get_message(key).text, buttons)


def _about_the_last(state: SessionState) -> Turn:
    known = state.invoices[-1]
    invoice = from_plain(known.invoice)
    text = last_invoice(invoice, known.file_name, known.at)
    return Turn(state, text, (_HELP_BUTTON,), {"invoice": to_protocol(invoice)})
