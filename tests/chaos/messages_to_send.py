"""What is said under load: words, real documents, and slow ones, drawn from a seed."""

import base64
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from slow_document import a_copy_of_its_own, slow_document

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT_BYTES_MAX = 200_000
SLOW_PAGES = 300
DOORS = ("partition", "partition", "front", "channel")
DOCUMENT_SHARE = 0.04
WORDS = ("Hello!", "help", "What can you do?", "status of my last invoice", "Thanks, that is all for today.")
MEDIA_TYPES = {".pdf": "application/pdf", ".xml": "application/xml"}


@dataclass(frozen=True, slots=True)
class Document:
    """A real one. numbers: of the invoices in it, as its own XML has them; empty when they are not known."""

    name: str
    media_type: str
    content: bytes
    numbers: tuple[str, ...] = ()


@dataclass(slots=True)
class Message:
    """One message and what is known of its way in. Times are the wall clock's, which the server shares.

    first_try_s: when it was first sent. accepted_s: when the try that was acknowledged began; None until then.
    """

    message_id: str
    chat_id: str
    door: str
    kind: str
    body: bytes
    numbers: tuple[str, ...] = ()
    tries: int = 0
    first_try_s: float = 0.0
    last_try_s: float = 0.0
    accepted_s: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Message ids are unique within a chat."""
        return self.chat_id, self.message_id


def real_documents() -> tuple[str, list[Document]]:
    """Where real documents were found, and those that are small: the collection, else the project's own examples."""
    folder = Path(os.environ.get("UNFAILING_SHARED_DATA") or REPOSITORY.parent / "shared" / "data") / "invoices"
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        known = [json.loads(line) for line in manifest.read_text().splitlines()]
        found = [_document(folder / entry["file"], _numbers(entry["truth"])) for entry in known]
        return str(folder), [document for document in found if len(document.content) <= DOCUMENT_BYTES_MAX]
    examples = REPOSITORY / "examples" / "files"
    expected = json.loads((examples / "expected.json").read_text(encoding="utf-8"))
    read = {name: invoice for name, invoice in expected.items() if invoice and Path(name).suffix in MEDIA_TYPES}
    return str(examples), [_document(examples / name, (invoice["number"],)) for name, invoice in read.items()]


def _document(path: Path, numbers: tuple[str, ...]) -> Document:
    return Document(path.name, MEDIA_TYPES[path.suffix.lower()], path.read_bytes(), numbers)


def _numbers(truth: dict[str, Any]) -> tuple[str, ...]:
    return () if truth.get("bodies", 1) != 1 else (truth["number"],)


class Conversation:
    """Everything that a number of chats say, from a seed."""

    def __init__(self, seed: int, chats: int, documents: list[Document]) -> None:
        """documents: sent now and then; with none, there are words alone."""
        self._random = random.Random(f"{seed}:messages")
        self._chats = [f"chat-{number:03d}" for number in range(chats)]
        self._documents = documents
        self._slow = slow_document(SLOW_PAGES)
        self._count = 0

    @property
    def chats(self) -> list[str]:
        """Everybody who speaks."""
        return self._chats

    def next(self) -> Message:
        """Somebody says something."""
        chat_id, door = self._random.choice(self._chats), self._random.choice(DOORS)
        if self._documents and self._random.random() < DOCUMENT_SHARE:
            document = self._random.choice(self._documents)
            return self._message(chat_id, door, "document", document=document)
        return self._message(chat_id, door, "words", text=self._random.choice(WORDS))

    def slow_group(self, followers: int) -> list[Message]:
        """Somebody sends a slow document and goes on talking: all but the document wait for it."""
        chat_id = self._random.choice(self._chats)
        name = f"slow-{self._count}.pdf"
        document = Document(name, "application/pdf", a_copy_of_its_own(self._slow, name))
        first = self._message(chat_id, "partition", "slow", document=document)
        words = self._random.choices(WORDS, k=followers)
        return [first, *(self._message(chat_id, "partition", "words", text=text) for text in words)]

    def _message(
        self, chat_id: str, door: str, kind: str, *, text: str | None = None, document: Document | None = None
    ) -> Message:
        self._count += 1
        message_id = f"m-{self._count:06d}"
        fields: dict[str, Any] = {"message_id": message_id, "chat_id": chat_id, "user_id": f"user-of-{chat_id}"}
        if text is not None:
            fields["text"] = text
        if document is not None:
            content = base64.b64encode(document.content).decode()
            fields["attachments"] = [
                {"name": document.name, "media_type": document.media_type, "content_base64": content}
            ]
        numbers = document.numbers if document is not None else ()
        return Message(message_id, chat_id, door, kind, msgspec.json.encode(fields), numbers)
