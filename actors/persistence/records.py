"""What the file layer keeps of a chat: its snapshot, and the commit records of its recent turns. Tags 70 to 79."""

from typing import Literal

from msgspec import Struct

from messages.codec import record


@record(tag=70, version=1)
class KeptSession(Struct, frozen=True):
    """A session as the store has committed it. turn: its last turn's number; snapshot: its bytes, as they stood there.

    Generation, epoch and version are its place, and stand in the seal around it.
    """

    turn: int
    snapshot: bytes


@record(tag=71, version=1)
class KeptTurn(Struct, frozen=True):
    """What one commit said of one message.

    state: `w` its static reply was given and the work is owed, `s` it is settled, `e` it is about effects alone. turn:
    the number it took, 0 for none. replies: JSON as it was published. message: the record itself while the work is
    owed, else empty. blobs: digests of its attachments.
    """

    message_id: str
    state: Literal["w", "s", "e"]
    entry_id: str
    week: int
    digest: str
    nonce: str = ""
    turn: int = 0
    replies: tuple[bytes, ...] = ()
    effects: tuple[bytes, ...] = ()
    message: bytes = b""
    blobs: tuple[str, ...] = ()
