"""Rules for databases and for Redis.

Codes first (SQLSTATE, SQLite's result codes, MySQL's numbers, the first word of a Redis error), since servers translate
their sentences; then classes; then the English sentences.
"""

from __future__ import annotations

import re
from typing import Final

from supervision.classification import transport
from supervision.classification.evidence import Evidence
from supervision.classification.transport import contains
from supervision.classification.verdicts import Cause

# Source: PostgreSQL, appendix A "Error Codes". A whole code outranks its class (the first two characters).
_BY_SQLSTATE: Final[dict[str, Cause]] = {
    "40001": Cause.DB_SERIALIZATION, "40P01": Cause.DB_DEADLOCK, "40002": Cause.CONSTRAINT,
    "40": Cause.DB_SERIALIZATION,
    "08P01": Cause.DB_STATEMENT, "08": Cause.DB_UNAVAILABLE, "53300": Cause.DB_CONNECTION_LIMIT,
    "53100": Cause.DISK_FULL,
    "53200": Cause.RESOURCE_BUSY, "53400": Cause.DB_CONNECTION_LIMIT, "53": Cause.RESOURCE_BUSY,
    "55P03": Cause.DB_LOCKED,
    "55006": Cause.DB_LOCKED, "55": Cause.INVALID_STATE, "57014": Cause.DB_QUERY_TIMEOUT, "57P01": Cause.DB_SHUTDOWN,
    "57P02": Cause.DB_SHUTDOWN, "57P03": Cause.DB_SHUTDOWN, "57P05": Cause.DB_SHUTDOWN, "57P04": Cause.CONFIG_ERROR,
    "57": Cause.DB_SHUTDOWN, "58030": Cause.DISK_IO, "58P01": Cause.DB_CORRUPT, "58": Cause.DISK_IO,
    "XX001": Cause.DB_CORRUPT,
    "XX002": Cause.DB_CORRUPT, "XX": Cause.DB_STATEMENT, "23": Cause.CONSTRAINT, "25006": Cause.DB_READONLY,
    "25P03": Cause.DB_QUERY_TIMEOUT, "25": Cause.INVALID_STATE, "28": Cause.AUTH, "3D": Cause.CONFIG_ERROR,
    "42501": Cause.PERMISSION, "42": Cause.DB_STATEMENT, "22": Cause.DB_STATEMENT, "0A": Cause.DB_STATEMENT,
    "26": Cause.DB_STATEMENT, "34": Cause.DB_STATEMENT, "54": Cause.DB_STATEMENT, "P0": Cause.DB_STATEMENT,
    "HV": Cause.DB_UNAVAILABLE,
    "21": Cause.DB_STATEMENT, "44": Cause.CONSTRAINT, "2B": Cause.CONSTRAINT, "3B": Cause.INVALID_STATE,
    "2D": Cause.INVALID_STATE,
    "F0": Cause.CONFIG_ERROR, "72": Cause.DB_SERIALIZATION,
}  # fmt: skip

# Source: sqlite.org/rescode.html; the low byte of an extended code is its primary code.
_BY_SQLITE: Final[dict[int, Cause]] = {
    5: Cause.DB_LOCKED, 6: Cause.DB_LOCKED, 7: Cause.OUT_OF_MEMORY, 8: Cause.CONFIG_ERROR, 9: Cause.DB_QUERY_TIMEOUT,
    10: Cause.DISK_IO, 11: Cause.DB_CORRUPT, 13: Cause.DISK_FULL, 14: Cause.CONFIG_ERROR, 15: Cause.DB_LOCKED,
    17: Cause.DB_LOCKED, 3: Cause.PERMISSION, 19: Cause.CONSTRAINT, 23: Cause.PERMISSION, 26: Cause.DB_CORRUPT,
    1: Cause.DB_STATEMENT, 18: Cause.DB_STATEMENT, 20: Cause.DB_STATEMENT, 21: Cause.BUG, 25: Cause.DB_STATEMENT,
}  # fmt: skip

# Source: MySQL server and client error references.
_BY_MYSQL: Final[dict[int, Cause]] = {
    1213: Cause.DB_DEADLOCK, 1205: Cause.DB_LOCKED, 1040: Cause.DB_CONNECTION_LIMIT, 1203: Cause.DB_CONNECTION_LIMIT,
    1062: Cause.CONSTRAINT, 1451: Cause.CONSTRAINT, 1452: Cause.CONSTRAINT, 1048: Cause.CONSTRAINT, 1045: Cause.AUTH,
    1044: Cause.PERMISSION, 1049: Cause.CONFIG_ERROR, 1146: Cause.DB_STATEMENT, 1064: Cause.DB_STATEMENT,
    1054: Cause.DB_STATEMENT,
    1114: Cause.DISK_FULL, 1021: Cause.DISK_FULL, 3024: Cause.DB_QUERY_TIMEOUT, 1290: Cause.DB_READONLY,
    1053: Cause.DB_SHUTDOWN,
    2002: Cause.DB_UNAVAILABLE, 2003: Cause.DB_UNAVAILABLE, 2006: Cause.DB_UNAVAILABLE, 2013: Cause.DB_UNAVAILABLE,
    2055: Cause.DB_UNAVAILABLE, 4031: Cause.DB_UNAVAILABLE,
}  # fmt: skip

# The first word of a Redis or Valkey error. Source: src/server.c and src/cluster.c of both.
_BY_REDIS: Final[dict[str, Cause]] = {
    "LOADING": Cause.STORE_LOADING, "BUSY": Cause.STORE_BUSY, "READONLY": Cause.STORE_READONLY,
    "OOM": Cause.STORE_OUT_OF_MEMORY,
    "MISCONF": Cause.DISK_FULL, "NOAUTH": Cause.AUTH, "WRONGPASS": Cause.AUTH, "NOPERM": Cause.PERMISSION,
    "DENIED": Cause.PERMISSION,
    "CLUSTERDOWN": Cause.STORE_UNAVAILABLE, "TRYAGAIN": Cause.STORE_UNAVAILABLE, "MASTERDOWN": Cause.STORE_UNAVAILABLE,
    "NOREPLICAS": Cause.STORE_UNAVAILABLE, "MOVED": Cause.STORE_MOVED, "ASK": Cause.STORE_MOVED,
    "UNBLOCKED": Cause.STORE_UNAVAILABLE,
    "NOSCRIPT": Cause.RESOURCE_BUSY, "INPROG": Cause.STORE_BUSY, "NOMASTERLINK": Cause.STORE_UNAVAILABLE,
    "EXECABORT": Cause.INVALID_STATE, "CROSSSLOT": Cause.DB_STATEMENT, "WRONGTYPE": Cause.DB_STATEMENT,
    "BUSYGROUP": Cause.DB_STATEMENT,
    "BUSYKEY": Cause.DB_STATEMENT, "NOGROUP": Cause.DB_STATEMENT, "NOTBUSY": Cause.DB_STATEMENT,
    "NOPROTO": Cause.DB_STATEMENT,
    "NOKEY": Cause.DB_STATEMENT, "NOGOODSLAVE": Cause.STORE_UNAVAILABLE, "IOERR": Cause.STORE_UNAVAILABLE,
    "NOTREADY": Cause.STORE_LOADING, "FAILOVER": Cause.STORE_UNAVAILABLE, "REDIRECT": Cause.STORE_MOVED,
    "BADAUTH": Cause.AUTH,
}  # fmt: skip

_STATE: Final = re.compile(r"(?:sqlstate|sql state|\(?code)[\s:=]*[\[('\"]?([0-9A-Z]{5})\b")
_SQLITE_NAME: Final = re.compile(r"\bsqlite_(busy|locked|full|ioerr|corrupt|notadb|cantopen|readonly|constraint"
                                 r"|interrupt|nomem|error|protocol|schema|perm|auth|mismatch|toobig)")  # fmt: skip
_SQLITE_NUMBER: Final = {"busy": 5, "locked": 6, "full": 13, "ioerr": 10, "corrupt": 11, "notadb": 26, "cantopen": 14,
                         "readonly": 8, "constraint": 19, "interrupt": 9, "nomem": 7, "error": 1, "protocol": 15,
                         "schema": 17, "perm": 3, "auth": 23, "mismatch": 20, "toobig": 18}  # fmt: skip
_FIRST_WORD: Final = re.compile(r"(?:^|[\n:'\"( -])-?([A-Z]{3,14})(?=[ :]|$)")

_SQL_PROSE: Final = (
    (("could not serialize", "serialization failure", "restart transaction"), Cause.DB_SERIALIZATION),
    (("deadlock",), Cause.DB_DEADLOCK),
    (("starting up", "shutting down", "in recovery mode", "terminating connection", "crash of another server",
      "administrator command", "not yet accepting connections", "unexpected termination"), Cause.DB_SHUTDOWN),
    (("database is locked", "table is locked", "database table is locked", "database schema is locked", "lock timeout",
      "could not obtain lock", "lock wait timeout", "locking protocol", "schema has changed"), Cause.DB_LOCKED),
    (("connection slots", "too many clients", "too many connections", "max_connections", "queuepool limit",
      "pool is exhausted",
      "connection pool exhausted", "pool exhausted", "max client connections", "couldn't get a connection",
      "maxclients",
      "no more connections allowed", "maxclientsinsessionmode"), Cause.DB_CONNECTION_LIMIT),
    (("no space left", "could not extend file", "database or disk is full", "disk full", "is full"), Cause.DISK_FULL),
    (("disk i/o error", "input/output error", "could not read block", "could not fsync"), Cause.DISK_IO),
    (("malformed", "not a database", "corrupt", "invalid page", "is encrypted or is not"), Cause.DB_CORRUPT),
    (("read-only transaction", "read only transaction", "recovery is in progress"), Cause.DB_READONLY),
    (("readonly database", "unable to open database", "read-only file system"), Cause.CONFIG_ERROR),
    (("statement timeout", "canceling statement", "query timeout", "interrupted", "canceled on user request",
      "maximum statement execution time", "idle-in-transaction timeout"), Cause.DB_QUERY_TIMEOUT),
    # Without a code, since they refuse before there is a session; in the languages of libpq's catalogues.
    (("authentifizierung", "authentification", "autentificaci", "autenticaci", "autenticazione", "autenticação",
      "проверку подлинности", "认证失败", "認証に失敗"), Cause.AUTH),
    (("existiert nicht", "n'existe pas", "no existe", "не существует", "不存在", "存在しません", "non esiste",
      "não existe"), Cause.CONFIG_ERROR),
    (("password authentication", "authentication failed", "pg_hba", "access denied for user", "no password supplied",
      'role "', "fe_sendauth", "sasl"), Cause.AUTH),
    (("permission denied", "must be owner", "insufficient privilege"), Cause.PERMISSION),
    (("unique constraint", "duplicate key", "duplicate entry", "foreign key constraint", "not null constraint",
      "not-null constraint",
      "check constraint", "constraint failed", "violates"), Cause.CONSTRAINT),
    (("no such table", "no such column", "syntax error", "has no column", "no such function", 'near "',
      "undefined table",
      "datatype mismatch", "invalid input syntax", "too many sql variables", "bind", "value too long", "out of range",
      "current transaction is aborted"), Cause.DB_STATEMENT),
    (("does not exist", "unknown database"), Cause.CONFIG_ERROR),
    (("server closed the connection", "connection already closed", "connection is closed", "connection not open",
      "server has gone away",
      "lost connection", "ssl connection has been closed", "could not connect", "connection refused",
      "connection reset",
      "connection timed out", "timeout expired", "could not receive data", "could not send", "connection was closed",
      "broken pipe",
      "connection to server", "no route to host", "ssl syscall error", "network is unreachable",
      "closed the connection"),
     Cause.DB_UNAVAILABLE),
    (("out of memory", "out of shared memory"), Cause.RESOURCE_BUSY),
)  # fmt: skip

_REDIS_PROSE: Final = (
    (("max number of clients", "too many connections", "no connection available"), Cause.DB_CONNECTION_LIMIT),
    (("loading the dataset", "is loading"), Cause.STORE_LOADING),
    (("is busy running",), Cause.STORE_BUSY),
    (("read only replica", "read only slave", "read-only replica"), Cause.STORE_READONLY),
    (("command not allowed when used memory", "command not allowed under oom"), Cause.STORE_OUT_OF_MEMORY),
    (("cluster is down", "hash slot not served", "cluster cannot be connected", "not covered by any node",
      "no master found",
      "master is down", "link with master is down", "ttl exhausted", "no slave found"), Cause.STORE_UNAVAILABLE),
    (("authentication required", "invalid username-password", "invalid password", "without any password", "auth "),
     Cause.AUTH),
    (("no permissions", "protected mode"), Cause.PERMISSION),
    (("no matching script",), Cause.RESOURCE_BUSY),
    (("timeout", "timed out"), Cause.TIMEOUT),
    (("unable to persist",), Cause.DISK_FULL),
    (("connection refused", "connection reset", "connection closed", "connecting to", "broken pipe", "closed by server",
      "while reading from", "while writing to", "not connected", "name or service not known", "name resolution"),
      Cause.DB_UNAVAILABLE),
)  # fmt: skip


def cause_of_database(found: Evidence) -> Cause:
    """Why an SQL database refused: by its code, by its class, by its words, in this order."""
    return _by_number(found) or _by_firm_class(found) or _by_words(found) or _by_vague_class(found) or Cause.UNKNOWN


def cause_of_store(found: Evidence) -> Cause:
    """Why Redis or Valkey refused: by its first word, by the client's class, by its words, in this order."""
    word = redis_word(found.raw)
    if word:
        return _BY_REDIS[word]
    firm = _by_firm_class(found)
    if firm is not None:
        return firm
    for phrases, cause in _REDIS_PROSE:
        if contains(found.text, phrases):
            return cause
    way = transport.cause_on_the_way(found)
    if way is not None:
        return Cause.TIMEOUT if way is Cause.TIMEOUT else Cause.DB_UNAVAILABLE
    return _by_vague_class(found) or Cause.DB_STATEMENT


def redis_word(raw: str) -> str:
    """The known first word of a Redis error within a text, or nothing."""
    for word in _FIRST_WORD.findall(raw[:400]):
        if word in _BY_REDIS:
            return str(word)
    return ""


def _by_number(found: Evidence) -> Cause | None:
    state = found.sqlstate
    if state is None and ("sqlstate" in found.text or "sql state" in found.text):
        named = _STATE.search(found.text.upper().replace("SQLSTATE", "sqlstate").replace("SQL STATE", "sql state"))
        state = named.group(1) if named else None
    if state is not None:
        cause = _BY_SQLSTATE.get(state) or _BY_SQLSTATE.get(state[:2])
        if cause is not None:
            return cause
    code = found.sqlite_code
    if code is None and "sqlite_" in found.text:
        name = _SQLITE_NAME.search(found.text)
        code = _SQLITE_NUMBER[name.group(1)] if name else None
    if code is not None and code & 0xFF in _BY_SQLITE and code & 0xFF != 1:
        return _BY_SQLITE[code & 0xFF]
    if found.vendor_code is not None:
        return _BY_MYSQL.get(found.vendor_code)
    return None


def _by_firm_class(found: Evidence) -> Cause | None:
    """The class of the driver's own error where it is telling, before the one a wrapper chose for it."""
    for facts in (*found.facts, *found.named):
        if facts.cause is not None and not facts.vague and facts.cause is not Cause.CONSTRAINT:
            return facts.cause
    return next(
        (facts.cause for facts in (*found.facts, *found.named) if facts.cause is not None and not facts.vague), None
    )


def _by_words(found: Evidence) -> Cause | None:
    for phrases, cause in _SQL_PROSE:
        if contains(found.text, phrases):
            return cause
    way = transport.cause_on_the_way(found)
    return Cause.DB_UNAVAILABLE if way is not None else None


def _by_vague_class(found: Evidence) -> Cause | None:
    """Outermost first, but an operational error of the driver says more than a wrapper's "statement failed"."""
    causes = [facts.cause for facts in (*found.facts, *found.named) if facts.cause is not None]
    if Cause.DB_UNAVAILABLE in causes:
        return Cause.DB_UNAVAILABLE
    return causes[0] if causes else None
