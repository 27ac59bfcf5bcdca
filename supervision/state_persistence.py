"""Session state that survives: in memory, in a file, in Redis, or in all of them.

    from supervision.state_persistence import SessionState, create_state_manager

    manager = create_state_manager(use_memory=True, use_file=True, use_redis=False, storage_path="var/state")
    saved = await manager.save_state(SessionState("session-1", user_id="ada", chat_id="42"))
    state = await manager.load_state("session-1")

`manager.plain` has the same calls for plain code. A further layer is a class with the methods of StateLayer.
"""

from __future__ import annotations

from supervision.keeping.choosing import Choice, choose
from supervision.keeping.core import NotSaved, StaleState, StateCore, StateError, StateUnavailable
from supervision.keeping.events import OperatorEvent
from supervision.keeping.findings import BackupInfo, LayerHealth, Recovered, StateHealth, SyncReport
from supervision.keeping.layers import Aside, Entry, Kept, LayerFacts, MemoryLayer, StateLayer
from supervision.keeping.manager import (
    PlainStateManager,
    StateManager,
    create_plain_state_manager,
    create_state_manager,
)
from supervision.keeping.sealed import Damaged, Position, Sealed, seal, unseal
from supervision.keeping.session_state import SessionState, Utterance
from supervision.keeping.sqlite_layer import SqliteStateLayer

__all__ = [
    "Aside",
    "BackupInfo",
    "Choice",
    "Damaged",
    "Entry",
    "Kept",
    "LayerFacts",
    "LayerHealth",
    "MemoryLayer",
    "NotSaved",
    "OperatorEvent",
    "PlainStateManager",
    "Position",
    "Recovered",
    "Sealed",
    "SessionState",
    "SqliteStateLayer",
    "StaleState",
    "StateCore",
    "StateError",
    "StateHealth",
    "StateLayer",
    "StateManager",
    "StateUnavailable",
    "SyncReport",
    "Utterance",
    "choose",
    "create_plain_state_manager",
    "create_state_manager",
    "seal",
    "unseal",
]
