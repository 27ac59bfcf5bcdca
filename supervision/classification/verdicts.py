"""The vocabulary of a classification: categories, severities, causes, what to do, and the verdict itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from supervision.classification import words

RETRYABLE_WAIT_S_MAX: Final = 120.0
"""A wait longer than this outlasts every turn (30 s hard deadline, minutes for owed work): park instead of retrying."""

DETAIL_CHARS_MAX: Final = 2000


class ErrorSeverity(StrEnum):
    """How loudly operators should hear of it; TRANSIENT is expected to pass by itself."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    TRANSIENT = "transient"


class ErrorCategory(StrEnum):
    """Whose failure it is, as far as the recovery and the words for people differ."""

    AI_MODEL = "AI_MODEL"
    DOCUMENT_PROCESSING = "DOCUMENT_PROCESSING"
    DATABASE = "DATABASE"
    NETWORK = "NETWORK"
    WEBHOOK = "WEBHOOK"
    MEMORY = "MEMORY"
    USER_INPUT = "USER_INPUT"
    FILE_DOWNLOAD = "FILE_DOWNLOAD"
    THIRD_PARTY = "THIRD_PARTY"
    UNKNOWN = "UNKNOWN"


class RecoveryAction(StrEnum):
    """The targeted recovery: what helps beside, or instead of, sending the same request again."""

    RETRY = "retry"
    WAIT_THEN_RETRY = "wait_then_retry"
    NEXT_MODEL = "next_model"
    PARK_ACCOUNT = "park_account"
    PARK_UNTIL = "park_until"
    SHRINK_REQUEST = "shrink_request"
    REPHRASE_REQUEST = "rephrase_request"
    REPAIR_REQUEST = "repair_request"
    REPAIR_ANSWER = "repair_answer"
    RECONNECT = "reconnect"
    RETRY_TRANSACTION = "retry_transaction"
    TREAT_AS_DONE = "treat_as_done"
    CHECK_OUTCOME = "check_outcome"
    ASK_FOR_DOCUMENT = "ask_for_document"
    ASK_FOR_PASSWORD = "ask_for_password"  # noqa: S105 - names an action, holds no password
    ASK_PERSON = "ask_person"
    STOP_SENDING = "stop_sending"
    SHED_LOAD = "shed_load"
    QUARANTINE = "quarantine"
    ALERT_OPERATOR = "alert_operator"
    NONE = "none"


class Cause(StrEnum):
    """What was wrong, finer than a category."""

    RATE_LIMIT = "rate_limit"
    QUOTA_EXCEEDED = "quota_exceeded"
    BUDGET_EXCEEDED = "budget_exceeded"
    REQUEST_TOO_LARGE = "request_too_large"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    AUTH = "auth"
    PERMISSION = "permission"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_FOUND = "not_found"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    GATEWAY_TIMEOUT = "gateway_timeout"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    DNS = "dns"
    DNS_UNKNOWN_NAME = "dns_unknown_name"
    TLS = "tls"
    STREAM_INTERRUPTED = "stream_interrupted"
    INVALID_RESPONSE = "invalid_response"
    EMPTY_RESPONSE = "empty_response"
    INVALID_MODEL_OUTPUT = "invalid_model_output"
    INVALID_REQUEST = "invalid_request"
    CONFLICT = "conflict"
    INSUFFICIENT_MEMORY = "insufficient_memory"
    RECIPIENT_BLOCKED = "recipient_blocked"
    NONE_SUCCESS = "none_success"
    BANNED_FOR_NOW = "banned_for_now"
    PDF_CORRUPT = "pdf_corrupt"
    NOT_A_PDF = "not_a_pdf"
    PDF_ENCRYPTED = "pdf_encrypted"
    DOCUMENT_TYPE = "document_type"
    DOCUMENT_TOO_LARGE = "document_too_large"
    OCR_FAILED = "ocr_failed"
    CONSTRAINT = "constraint"
    DB_CONNECTION_LIMIT = "db_connection_limit"
    DB_DEADLOCK = "db_deadlock"
    DB_SERIALIZATION = "db_serialization"
    DB_LOCKED = "db_locked"
    DB_QUERY_TIMEOUT = "db_query_timeout"
    DB_SHUTDOWN = "db_shutdown"
    DB_UNAVAILABLE = "db_unavailable"
    DB_READONLY = "db_readonly"
    DB_CORRUPT = "db_corrupt"
    DB_STATEMENT = "db_statement"
    DISK_FULL = "disk_full"
    DISK_IO = "disk_io"
    CONFIG_ERROR = "config_error"
    STORE_BUSY = "store_busy"
    STORE_LOADING = "store_loading"
    STORE_OUT_OF_MEMORY = "store_out_of_memory"
    STORE_READONLY = "store_readonly"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_MOVED = "store_moved"
    FD_LIMIT = "fd_limit"
    OUT_OF_MEMORY = "out_of_memory"
    RESOURCE_BUSY = "resource_busy"
    INVALID_STATE = "invalid_state"
    USER_INPUT = "user_input"
    BUG = "bug"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Handling(NamedTuple):
    """What a cause means for whoever meets it. retries_max bounds the policy's own number, where it is smaller."""

    retryable: bool
    severity: ErrorSeverity
    recovery: RecoveryAction
    retries_max: int = 5


_T: Final = ErrorSeverity.TRANSIENT
_L: Final = ErrorSeverity.LOW
_M: Final = ErrorSeverity.MEDIUM
_H: Final = ErrorSeverity.HIGH
_C: Final = ErrorSeverity.CRITICAL
_R: Final = RecoveryAction
_AGAIN: Final = True
_NEVER: Final = False

HANDLING: Final[dict[Cause, Handling]] = {
    Cause.RATE_LIMIT: Handling(_AGAIN, _T, _R.WAIT_THEN_RETRY),
    Cause.QUOTA_EXCEEDED: Handling(_NEVER, _H, _R.PARK_ACCOUNT),
    Cause.BUDGET_EXCEEDED: Handling(_NEVER, _H, _R.NEXT_MODEL),
    Cause.REQUEST_TOO_LARGE: Handling(_NEVER, _M, _R.SHRINK_REQUEST),
    Cause.CONTEXT_LENGTH: Handling(_NEVER, _M, _R.SHRINK_REQUEST),
    Cause.CONTENT_FILTER: Handling(_NEVER, _M, _R.REPHRASE_REQUEST),
    Cause.AUTH: Handling(_NEVER, _H, _R.PARK_ACCOUNT),
    Cause.PERMISSION: Handling(_NEVER, _H, _R.ALERT_OPERATOR),
    Cause.MODEL_NOT_FOUND: Handling(_NEVER, _H, _R.NEXT_MODEL),
    Cause.NOT_FOUND: Handling(_NEVER, _M, _R.ALERT_OPERATOR),
    Cause.OVERLOADED: Handling(_AGAIN, _T, _R.WAIT_THEN_RETRY),
    Cause.SERVER_ERROR: Handling(_AGAIN, _T, _R.RETRY),
    Cause.BAD_GATEWAY: Handling(_AGAIN, _T, _R.RETRY),
    Cause.GATEWAY_TIMEOUT: Handling(_AGAIN, _T, _R.RETRY),
    Cause.TIMEOUT: Handling(_AGAIN, _T, _R.RETRY),
    Cause.CONNECTION: Handling(_AGAIN, _T, _R.RETRY),
    Cause.DNS: Handling(_AGAIN, _T, _R.RETRY),
    Cause.DNS_UNKNOWN_NAME: Handling(_NEVER, _H, _R.ALERT_OPERATOR),
    Cause.TLS: Handling(_NEVER, _H, _R.ALERT_OPERATOR),
    Cause.STREAM_INTERRUPTED: Handling(_AGAIN, _T, _R.RETRY),
    Cause.INVALID_RESPONSE: Handling(_AGAIN, _T, _R.RETRY, 2),
    Cause.EMPTY_RESPONSE: Handling(_AGAIN, _T, _R.RETRY, 2),
    Cause.INVALID_MODEL_OUTPUT: Handling(_AGAIN, _T, _R.REPAIR_ANSWER, 2),
    Cause.INVALID_REQUEST: Handling(_NEVER, _M, _R.REPAIR_REQUEST),
    Cause.CONFLICT: Handling(_NEVER, _M, _R.ALERT_OPERATOR),
    Cause.INSUFFICIENT_MEMORY: Handling(_NEVER, _H, _R.NEXT_MODEL),
    Cause.RECIPIENT_BLOCKED: Handling(_NEVER, _L, _R.STOP_SENDING),
    Cause.NONE_SUCCESS: Handling(_NEVER, _L, _R.CHECK_OUTCOME),
    Cause.BANNED_FOR_NOW: Handling(_NEVER, _H, _R.PARK_UNTIL),
    Cause.PDF_CORRUPT: Handling(_NEVER, _L, _R.ASK_FOR_DOCUMENT),
    Cause.NOT_A_PDF: Handling(_NEVER, _L, _R.ASK_FOR_DOCUMENT),
    Cause.PDF_ENCRYPTED: Handling(_NEVER, _L, _R.ASK_FOR_PASSWORD),
    Cause.DOCUMENT_TYPE: Handling(_NEVER, _L, _R.ASK_FOR_DOCUMENT),
    Cause.DOCUMENT_TOO_LARGE: Handling(_NEVER, _L, _R.ASK_FOR_DOCUMENT),
    Cause.OCR_FAILED: Handling(_NEVER, _M, _R.ASK_FOR_DOCUMENT),
    Cause.CONSTRAINT: Handling(_NEVER, _L, _R.TREAT_AS_DONE),
    Cause.DB_CONNECTION_LIMIT: Handling(_AGAIN, _T, _R.WAIT_THEN_RETRY),
    Cause.DB_DEADLOCK: Handling(_AGAIN, _T, _R.RETRY_TRANSACTION),
    Cause.DB_SERIALIZATION: Handling(_AGAIN, _T, _R.RETRY_TRANSACTION),
    Cause.DB_LOCKED: Handling(_AGAIN, _T, _R.RETRY_TRANSACTION),
    Cause.DB_QUERY_TIMEOUT: Handling(_AGAIN, _T, _R.RETRY_TRANSACTION, 1),
    Cause.DB_SHUTDOWN: Handling(_AGAIN, _T, _R.RECONNECT),
    Cause.DB_UNAVAILABLE: Handling(_AGAIN, _T, _R.RECONNECT),
    Cause.DB_READONLY: Handling(_AGAIN, _T, _R.RECONNECT),
    Cause.DB_CORRUPT: Handling(_NEVER, _C, _R.ALERT_OPERATOR),
    Cause.DB_STATEMENT: Handling(_NEVER, _H, _R.ALERT_OPERATOR),
    Cause.DISK_FULL: Handling(_NEVER, _C, _R.ALERT_OPERATOR),
    Cause.DISK_IO: Handling(_NEVER, _C, _R.ALERT_OPERATOR),
    Cause.CONFIG_ERROR: Handling(_NEVER, _H, _R.ALERT_OPERATOR),
    Cause.STORE_BUSY: Handling(_AGAIN, _T, _R.WAIT_THEN_RETRY),
    Cause.STORE_LOADING: Handling(_AGAIN, _T, _R.WAIT_THEN_RETRY),
    Cause.STORE_OUT_OF_MEMORY: Handling(_NEVER, _C, _R.SHED_LOAD),
    Cause.STORE_READONLY: Handling(_AGAIN, _T, _R.RECONNECT),
    Cause.STORE_UNAVAILABLE: Handling(_AGAIN, _T, _R.RECONNECT),
    Cause.STORE_MOVED: Handling(_AGAIN, _T, _R.RECONNECT),
    Cause.FD_LIMIT: Handling(_AGAIN, _H, _R.SHED_LOAD),
    Cause.OUT_OF_MEMORY: Handling(_NEVER, _C, _R.SHED_LOAD),
    Cause.RESOURCE_BUSY: Handling(_AGAIN, _T, _R.WAIT_THEN_RETRY),
    Cause.INVALID_STATE: Handling(_NEVER, _M, _R.QUARANTINE),
    Cause.USER_INPUT: Handling(_NEVER, _L, _R.ASK_PERSON),
    Cause.BUG: Handling(_NEVER, _H, _R.ALERT_OPERATOR),
    Cause.CANCELLED: Handling(_NEVER, _L, _R.NONE),
    Cause.UNKNOWN: Handling(_NEVER, _M, _R.ALERT_OPERATOR),
}

RETRIES_MAX_BY_CATEGORY: Final[dict[ErrorCategory, int]] = {
    ErrorCategory.AI_MODEL: 5,
    ErrorCategory.DATABASE: 5,
    ErrorCategory.NETWORK: 5,
    ErrorCategory.FILE_DOWNLOAD: 3,
    ErrorCategory.WEBHOOK: 3,
    ErrorCategory.THIRD_PARTY: 3,
    ErrorCategory.DOCUMENT_PROCESSING: 1,
    ErrorCategory.MEMORY: 2,
    ErrorCategory.USER_INPUT: 0,
    ErrorCategory.UNKNOWN: 2,
}

# What must not reach a log or a console even there: keys, tokens, passwords in URLs.
_SECRET: Final = re.compile(
    r"""(?ix)
    \b(?:sk|pk|rk|xai|gsk|pat|key|ghp|hf|AIza|xox[abp])[-_][\w*.-]{8,}   # provider keys
    | \bAIza[\w-]{20,}
    | \b\d{6,12}:[A-Za-z0-9_-]{30,}                                       # bot tokens
    | (?<=bearer\s)[\w.~+/=-]{8,}
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                                     # user:password@host
    | (?<=api_key=)[^&\s"']+ | (?<=apikey=)[^&\s"']+ | (?<=token=)[^&\s"']+ | (?<=password=)[^&\s"']+
    | (?<=/webhooks/)[\w/-]+ | (?<=/services/)[\w/-]+
    """,
)


def redacted(text: str) -> str:
    """The text without anything that looks like a key, a token or a password."""
    return _SECRET.sub("[redacted]", text)


@dataclass(frozen=True, slots=True)
class ClassifiedError:
    """One error, understood.

    retry_after: seconds from now that the other side asked to wait, None where it said nothing.
    max_retries: how often the same request may sensibly be sent again; 0 where is_retryable is false. status: the HTTP
    status, where there was one. service: the kind of service, a value of Domain, or nothing.
    """

    category: ErrorCategory
    severity: ErrorSeverity
    cause: Cause
    is_retryable: bool
    max_retries: int
    retry_after: float | None
    recovery: RecoveryAction
    original: object
    status: int | None = None
    service: str = ""

    @property
    def message_key(self) -> str:
        """Key of the words for people; see messages.user_messages."""
        return words.message_key(self.category.value, self.cause.value, self.service)

    @property
    def user_message(self) -> str:
        """What a person may read, free of technical detail."""
        return words.text_of(self.message_key)

    @property
    def technical_detail(self) -> str:
        """For operators only: type and text of the original error, bounded, secrets masked."""
        original = self.original
        try:
            text = original if isinstance(original, str) else str(original)
        except Exception as error:  # noqa: BLE001 - a __str__ may raise anything
            text = f"(its text could not be read: {type(error).__name__})"
        kind = f"{type(original).__module__}.{type(original).__qualname__}"
        return redacted(f"{kind}: {text[:DETAIL_CHARS_MAX]}")


def verdict(
    category: ErrorCategory,
    cause: Cause,
    original: object,
    *,
    retry_after: float | None = None,
    retryable: bool | None = None,
    status: int | None = None,
    service: str = "",
) -> ClassifiedError:
    """The verdict that a cause stands for, its retryability overruled where the evidence says so."""
    handling = HANDLING[cause]
    is_retryable = handling.retryable if retryable is None else retryable
    recovery = handling.recovery
    severity = handling.severity
    if is_retryable and retry_after is not None and retry_after > RETRYABLE_WAIT_S_MAX:
        is_retryable = False
        recovery = RecoveryAction.PARK_UNTIL
    if not is_retryable and severity is ErrorSeverity.TRANSIENT:
        severity = ErrorSeverity.MEDIUM
    retries = min(handling.retries_max, RETRIES_MAX_BY_CATEGORY[category]) if is_retryable else 0
    return ClassifiedError(
        category, severity, cause, is_retryable, retries, retry_after, recovery, original, status, service
    )
