"""What a server says about itself, and whether that will do. Pure."""

from dataclasses import dataclass
from typing import Final

from actors.store_errors import UnsuitableStore

# Shebang scripts with flags, functions and multi-part append-only files came with Redis 7.0; Valkey forked at 7.2.
_VERSION_MIN: Final = {"redis": (7, 0), "valkey": (7, 2)}


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which server, and which history. A change of either means that another store may be looking out of this address.

    run_id changes with every start of the process, replication_id with every promotion.
    """

    run_id: str
    replication_id: str


@dataclass(frozen=True, slots=True)
class Memory:
    """A server's memory. max_bytes is 0 when it has no limit."""

    used_bytes: int
    max_bytes: int

    @property
    def share(self) -> float:
        """The part of the limit that is used; 0.0 without a limit. Doors close at 0.8."""
        return self.used_bytes / self.max_bytes if self.max_bytes else 0.0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What counts of a server's INFO. version is the product's own."""

    product: str  # "redis" or "valkey"
    version: tuple[int, ...]
    identity: ServerIdentity
    process_id: int
    role: str  # "master" or "slave"
    cluster: bool
    append_only: bool
    loading: bool
    memory: Memory
    memory_policy: str


def server_facts(info: bytes) -> ServerFacts:
    """Read the answer to INFO; what is missing in it counts as nothing (no version, no limit, no cluster)."""
    fields = _fields(info)
    product = "valkey" if "valkey_version" in fields else "redis"
    return ServerFacts(
        product=product,
        version=_version(fields.get(f"{product}_version", "")),
        identity=ServerIdentity(fields.get("run_id", ""), fields.get("master_replid", "")),
        process_id=_number(fields.get("process_id")),
        role=fields.get("role", ""),
        cluster=fields.get("cluster_enabled") == "1",
        append_only=fields.get("aof_enabled") == "1",
        loading=fields.get("loading") == "1",
        memory=_memory(fields),
        memory_policy=fields.get("maxmemory_policy", ""),
    )


def memory_of(info: bytes) -> Memory:
    """Read the answer to INFO memory."""
    return _memory(_fields(info))


def check_suitable(facts: ServerFacts) -> None:
    """Raise UnsuitableStore when the promises cannot be kept with this server: it is too old, or throws data away."""
    if facts.version < _VERSION_MIN[facts.product]:
        raise UnsuitableStore(
            f"the server is {facts.product} {'.'.join(map(str, facts.version)) or 'of unknown version'}; "
            "Redis 7.0 or Valkey 7.2 is the oldest that will do."
        )
    if facts.memory_policy != "noeviction":
        raise UnsuitableStore(
            f"the server's maxmemory-policy is {facts.memory_policy or 'unknown'}: it would throw away messages when "
            "its memory is full. Set it to noeviction (CONFIG SET maxmemory-policy noeviction, and in its "
            "configuration file)."
        )


def _fields(info: bytes) -> dict[str, str]:
    lines = info.decode("utf-8", "replace").splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


def _memory(fields: dict[str, str]) -> Memory:
    return Memory(_number(fields.get("used_memory")), _number(fields.get("maxmemory")))


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isascii() and part.isdigit() for part in parts) else ()
