"""The node's own Valkey server, when no other is named: a supervised child on a unix socket in the data directory."""

from actors.embedded_server.actor import EmbeddedServer, Ready, ServerDied, supervised
from actors.embedded_server.command import ServerProgramMissing, ServerSettings, server_program
from actors.embedded_server.process import Running, ServerFailed, start_or_adopt, stop
from actors.embedded_server.repair import Repair, forget_repair, repair_marker

__all__ = [
    "EmbeddedServer",
    "Ready",
    "Repair",
    "Running",
    "ServerDied",
    "ServerFailed",
    "ServerProgramMissing",
    "ServerSettings",
    "forget_repair",
    "repair_marker",
    "server_program",
    "start_or_adopt",
    "stop",
    "supervised",
]
