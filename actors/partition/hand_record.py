"""What `hand` remembers of a message that is being worked on, and what its history means."""

from dataclasses import replace

from messages.light import light_record

# The first takeover from the dead says little about a message, and it runs as usual; from the second on it runs alone.
ALONE_FROM_SUSPICION = 2


@light_record
class HandRecord:
    """entry_id: what is in hand. crashes: its session's own crashes with it. suspicion: owners that died with it.

    waits: it was not handed out again since the last of them; further deaths meanwhile are not its doing.
    """

    entry_id: str
    crashes: int = 0
    suspicion: int = 0
    waits: bool = False

    @property
    def attempts(self) -> int:
        """Turns that count against the message: crashes, and deaths of the node while it ran alone."""
        return self.crashes + max(0, self.suspicion - ALONE_FROM_SUSPICION)

    @property
    def runs_alone(self) -> bool:
        """Whether the node does nothing else meanwhile."""
        return self.suspicion >= ALONE_FROM_SUSPICION

    def after_death(self) -> "HandRecord":
        """The record after its owner died."""
        return self if self.waits else replace(self, suspicion=self.suspicion + 1, waits=True)

    def handed_out(self) -> "HandRecord":
        """The record of a message that its session is about to have."""
        return replace(self, waits=False) if self.waits else self

    def pack(self) -> str:
        """The text kept in the store."""
        return f"{self.entry_id}|{self.crashes}|{self.suspicion}{'|w' if self.waits else ''}"

    @classmethod
    def unpack(cls, text: str) -> "HandRecord":
        """Read what `pack` wrote; what cannot be read is a record without a history."""
        entry_id, _, rest = text.partition("|")
        crashes, _, rest = rest.partition("|")
        suspicion, _, waits = rest.partition("|")
        if not (crashes.isascii() and crashes.isdigit() and suspicion.isascii() and suspicion.isdigit()):
            return cls(entry_id)
        return cls(entry_id, int(crashes), int(suspicion), waits == "w")
