"""The bounds of the pipeline, and its figures. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PipeLimits:
    """Bounds of a pipeline; all but lanes hold for each connection by itself.

    lanes: connections to one server. batch_timeout_s: from sending a batch to its last reply, a slow disk's sync
    included. patience_s: how long a request waits for a connection before it fails unsent.
    """

    # The server takes 16 KiB from a connection between two syncs of its file, however much waits there: ten commits of
    # 1.6 kB. Eight connections make it eighty (docs/decisions/0055-eight-lanes-to-a-server.md).
    lanes: int = 8
    batch_count_max: int = 256
    batch_bytes_max: int = 4 * 1024 * 1024
    batch_timeout_s: float = 5.0
    waiting_count_max: int = 65_536
    waiting_bytes_max: int = 256 * 1024 * 1024
    patience_s: float = 2.0
    reconnect_s_min: float = 0.01
    reconnect_s_max: float = 0.5


@dataclass(slots=True)
class PipeCounts:
    """What a pipe has done since it was made."""

    requests: int = 0
    batches: int = 0
    connections: int = 0
    losses: int = 0
    script_loads: int = 0
    redirections: int = 0


def reconnect_delay_s(attempt: int, limits: PipeLimits, chance: float) -> float:
    """Return how long to wait after the attempt-th failure in a row, counted from 0; chance lies in 0 to 1.

    Doubles from reconnect_s_min to reconnect_s_max; the lower half of it is certain, the upper one is chance.
    """
    full_s = min(limits.reconnect_s_max, limits.reconnect_s_min * float(2 ** min(attempt, 16)))
    return full_s * (0.5 + chance / 2)
