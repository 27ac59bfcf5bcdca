"""What the names of exception classes tell, by package and class, without importing any package.

An entry holds for subclasses too: the method resolution order is looked through, nearest class first. Within a
package the inner modules do not count, since they move between versions (psycopg2.errors, redis.exceptions, ...).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from supervision.classification.verdicts import Cause

_CACHE_MAX: Final = 4096


class Domain(StrEnum):
    """The kind of service that an error comes from."""

    MODEL = "model"
    DATABASE = "database"
    STORE = "store"
    DOCUMENT = "document"
    TELEGRAM = "telegram"
    SHEETS = "sheets"
    CONVERTER = "converter"
    WEBHOOK = "webhook"
    DOWNLOAD = "download"
    INPUT = "input"


class ClassFacts(NamedTuple):
    """What one class tells.

    vague: the class alone does not decide (a plain OperationalError, an APIError). code: its simple name as a machine
    word. builtin: Python's own, which wrappers and bugs alike raise. attributes: those of TELLING that the class itself
    provides, as properties or slots.
    """

    domain: Domain | None
    cause: Cause | None
    vague: bool
    code: str
    status: int | None
    builtin: bool
    attributes: tuple[str, ...] = ()


TELLING: Final = (
    "status_code", "http_status", "status", "code", "http_code", "error_code", "body", "response_body", "json_body",
    "details", "http_body", "text", "content", "message", "response", "headers", "retry_after", "errno", "sqlstate",
    "pgcode", "sqlite_errorcode",
)  # fmt: skip

DOMAIN_BY_WORD: Final[dict[str, Domain]] = {
    **dict.fromkeys(
        ("openai", "azure", "azureopenai", "anthropic", "claude", "gemini", "vertex", "vertexai", "genai", "mistral",
         "mistralai", "groq", "cohere", "openrouter", "deepseek", "together", "togetherai", "fireworks", "bedrock",
         "botocore", "ollama", "vllm", "litellm", "llama", "llamacpp", "huggingface", "huggingfacehub", "hf", "tgi",
         "xai", "grok", "perplexity", "nextchat", "ai21", "replicate", "cerebras", "nvidia", "nim", "sambanova",
         "qwen", "dashscope", "zhipu", "zhipuai", "moonshot", "kimi", "lmstudio", "localai", "llm", "model", "ai",
         "ai_model", "copilot", "watsonx", "databricks", "anyscale", "deepinfra", "novita", "siliconflow", "minimax",
         "langchain", "llmock", "text-generation-inference", "sglang", "nscale", "vercel", "instructor"), Domain.MODEL),
    **dict.fromkeys(
        ("postgresql", "postgres", "psycopg", "psycopg2", "asyncpg", "pg8000", "sqlalchemy", "sqlite", "sqlite3",
         "aiosqlite", "mysql", "pymysql", "mysqldb", "mariadb", "database", "db", "ledger", "pg", "sql"),
        Domain.DATABASE),
    **dict.fromkeys(("redis", "valkey", "store", "keydb", "dragonfly"), Domain.STORE),
    **dict.fromkeys(
        ("pypdf", "pypdf2", "pikepdf", "pdfium", "pypdfium2", "pdfminer", "pymupdf", "fitz", "pdfplumber", "qpdf",
         "tesseract", "pytesseract", "ocr", "rapidocr", "document", "pdf", "pillow", "poppler", "pdf2image",
         "camelot", "document_processing", "ocrmypdf", "docx", "openpyxl", "pdf-reader"), Domain.DOCUMENT),
    **dict.fromkeys(("telegram", "telebot", "aiogram", "telethon", "pyrogram", "telegraf"), Domain.TELEGRAM),
    **dict.fromkeys(("sheets", "gspread", "googleapiclient", "spreadsheet", "gsheets", "drive"), Domain.SHEETS),
    **dict.fromkeys(("cloudconvert", "converter", "convertapi"), Domain.CONVERTER),
    **dict.fromkeys(("webhook", "webhooks", "discord", "slack", "zapier", "hooks"), Domain.WEBHOOK),
    **dict.fromkeys(("download", "file_download", "downloader"), Domain.DOWNLOAD),
    **dict.fromkeys(("user_input", "input", "command"), Domain.INPUT),
}  # fmt: skip

_WORDS: Final = re.compile(r"[a-z][a-z0-9_]*")
# The more telling words first: "google-sheets", "webhook/discord", "proxy/telegram", "litellm/openai".
_PRECEDENCE: Final = (
    Domain.SHEETS, Domain.TELEGRAM, Domain.CONVERTER, Domain.WEBHOOK, Domain.STORE, Domain.DATABASE, Domain.DOWNLOAD,
    Domain.DOCUMENT, Domain.MODEL, Domain.INPUT,
)  # fmt: skip
_domain_by_words: dict[str, Domain | None] = {}


def domain_of_words(words: str) -> Domain | None:
    """The domain that a provider's name tells, e.g. "azure-openai/proxy"; None where it tells none."""
    if words in _domain_by_words:
        return _domain_by_words[words]
    found = {DOMAIN_BY_WORD[word] for word in _WORDS.findall(words) if word in DOMAIN_BY_WORD}
    domain = next((one for one in _PRECEDENCE if one in found), None)
    if len(_domain_by_words) >= _CACHE_MAX:
        _domain_by_words.clear()
    _domain_by_words[words] = domain
    return domain


_ROOT_DOMAIN: Final[dict[str, Domain]] = {
    **dict.fromkeys(
        ("openai", "anthropic", "mistralai", "groq", "cohere", "litellm", "ollama", "together", "fireworks",
         "huggingface_hub", "vllm", "replicate", "cerebras", "ai21", "dashscope", "zhipuai", "llama_cpp",
         "text_generation", "instructor", "botocore", "vertexai", "langchain_core", "azure", "xai_sdk"), Domain.MODEL),
    **dict.fromkeys(("psycopg", "psycopg2", "asyncpg", "sqlalchemy", "sqlite3", "aiosqlite", "pymysql", "MySQLdb",
                     "pg8000", "mysql"), Domain.DATABASE),
    **dict.fromkeys(("redis", "valkey", "aioredis", "rediscluster"), Domain.STORE),
    **dict.fromkeys(("pypdf", "PyPDF2", "PyPDF4", "pikepdf", "pypdfium2", "pdfminer", "fitz", "pymupdf", "pdfplumber",
                     "PIL", "pytesseract", "pdf2image", "lxml", "zipfile", "tarfile", "ocrmypdf"), Domain.DOCUMENT),
    **dict.fromkeys(("telegram", "aiogram", "telebot", "telethon", "pyrogram"), Domain.TELEGRAM),
    **dict.fromkeys(("gspread", "googleapiclient"), Domain.SHEETS),
    **dict.fromkeys(("cloudconvert", "CloudConvert"), Domain.CONVERTER),
    **dict.fromkeys(("discord", "slack_sdk", "slack"), Domain.WEBHOOK),
}  # fmt: skip

_HTTP_CLIENTS: Final = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp", "http", "urllib",
                        "urllib3_future", "niquests", "h11", "h2", "anyio", "websockets", "aiohttp_retry")  # fmt: skip
_BUILTIN_ROOTS: Final = frozenset({"builtins", "exceptions"})

# (package, class): what it means. A cause marked vague yields to anything more telling (a body, a code, a deeper
# cause). "" as the package: this class name wherever it comes from.
_EXACT: Final[dict[tuple[str, str], tuple[Cause, bool]]] = {}


def _mean(cause: Cause, *names: str, vague: bool = False) -> None:
    for name in names:
        root, _, simple = name.rpartition(".")
        _EXACT[root, simple] = (cause, vague)


_mean(Cause.CANCELLED, "asyncio.CancelledError", "concurrent.CancelledError", "greenlet.GreenletExit",
      "gevent.GreenletExit", "builtins.KeyboardInterrupt", "builtins.SystemExit", "builtins.GeneratorExit",
      "trio.Cancelled", "anyio.Cancelled", "asyncio.InvalidStateError")  # fmt: skip
_mean(Cause.TIMEOUT, "gevent.Timeout", "builtins.TimeoutError", "asyncio.TimeoutError", "concurrent.TimeoutError",
      "socket.timeout", "subprocess.TimeoutExpired", "openai.APITimeoutError", "anthropic.APITimeoutError",
      "google.DeadlineExceeded", "google.RetryError", "pykka.Timeout", "botocore.ReadTimeoutError",
      "botocore.ConnectTimeoutError", "telegram.TimedOut", "litellm.Timeout", "ssl.SSLWantReadError",
      "multiprocessing.TimeoutError", "groq.APITimeoutError")  # fmt: skip
for _client in _HTTP_CLIENTS:
    _mean(Cause.TIMEOUT, *(f"{_client}.{name}" for name in (
        "TimeoutException", "ReadTimeout", "ConnectTimeout", "WriteTimeout", "PoolTimeout", "Timeout",
        "ReadTimeoutError", "ConnectTimeoutError", "TimeoutError", "ServerTimeoutError", "SocketTimeoutError",
        "ConnectionTimeoutError")))  # fmt: skip
    _mean(Cause.STREAM_INTERRUPTED, *(f"{_client}.{name}" for name in (
        "RemoteProtocolError", "IncompleteRead", "ChunkedEncodingError", "ProtocolError", "ClientPayloadError",
        "ServerDisconnectedError", "RemoteDisconnected", "InvalidChunkLength", "StreamError", "ConnectionClosed",
        "ConnectionClosedError", "EndOfStream", "IncompleteReadError", "StreamConsumedError")), vague=True)  # fmt: skip
    _mean(Cause.CONNECTION, *(f"{_client}.{name}" for name in (
        "ConnectError", "ReadError", "WriteError", "CloseError", "NetworkError", "ConnectionError", "ProxyError",
        "NewConnectionError", "MaxRetryError", "ClientConnectorError", "ClientConnectionError", "ClientOSError",
        "ServerConnectionError", "ClientConnectionResetError", "TransportError", "ClosedPoolError", "EmptyPoolError",
        "BrokenResourceError", "ClosedResourceError", "ClientProxyConnectionError", "URLError", "HTTPException",
        "RetryError", "ConnectionTerminated")), vague=True)  # fmt: skip
    _mean(Cause.DNS, *(f"{_client}.{name}" for name in ("NameResolutionError", "ClientConnectorDNSError")), vague=True)
    _mean(
        Cause.TLS,
        *(
            f"{_client}.{name}"
            for name in ("SSLError", "ClientConnectorCertificateError", "ClientConnectorSSLError", "ClientSSLError")
        ),
        vague=True,
    )
    _mean(Cause.INVALID_RESPONSE, *(f"{_client}.{name}" for name in (
        "DecodingError", "ContentDecodingError", "DecodeError", "JSONDecodeError", "InvalidJSONError",
        "ContentTypeError", "BadStatusLine", "LineTooLong")))  # fmt: skip
    _mean(Cause.CONFIG_ERROR, *(f"{_client}.{name}" for name in (
        "InvalidURL", "UnsupportedProtocol", "LocalProtocolError", "TooManyRedirects", "MissingSchema",
        "InvalidSchema", "InvalidHeader", "LocationParseError", "InvalidProxyURL", "URLRequired",
        "InvalidUrlClientError",
        "NonHttpUrlClientError", "CookieConflict", "ProxySchemeUnknown", "LocationValueError")))  # fmt: skip
_mean(Cause.CONNECTION, "openai.APIConnectionError", "anthropic.APIConnectionError", "groq.APIConnectionError",
      "builtins.ConnectionError", "builtins.BrokenPipeError", "builtins.ConnectionResetError",
      "builtins.ConnectionAbortedError", "builtins.ConnectionRefusedError", "botocore.EndpointConnectionError",
      "botocore.ConnectionClosedError", "botocore.HTTPClientError", "telegram.NetworkError",
      "litellm.APIConnectionError", "google.TransportError", "aiogram.TelegramNetworkError", "h2.ProtocolError",
      vague=True)  # fmt: skip
_mean(Cause.STREAM_INTERRUPTED, "asyncio.IncompleteReadError", "builtins.EOFError", vague=True)
_mean(Cause.DNS, "socket.gaierror", "socket.herror", vague=True)
_mean(Cause.TLS, "ssl.SSLCertVerificationError", "ssl.CertificateError", "requests.SSLError")
_mean(Cause.TLS, "ssl.SSLError", "ssl.SSLZeroReturnError", vague=True)
_mean(Cause.STREAM_INTERRUPTED, "ssl.SSLEOFError", "ssl.SSLSyscallError")
_mean(Cause.INVALID_RESPONSE, "json.JSONDecodeError", "orjson.JSONDecodeError", "simplejson.JSONDecodeError",
      "openai.APIResponseValidationError", "anthropic.APIResponseValidationError", vague=True)  # fmt: skip
_mean(Cause.INVALID_MODEL_OUTPUT, "pydantic.ValidationError", "pydantic_core.ValidationError",
      "msgspec.ValidationError", "instructor.InstructorRetryException", "openai.LengthFinishReasonError",
      "jsonschema.ValidationError", "langchain_core.OutputParserException")  # fmt: skip
_mean(Cause.CONTENT_FILTER, "openai.ContentFilterFinishReasonError", "litellm.ContentPolicyViolationError")
_mean(Cause.CONTEXT_LENGTH, "litellm.ContextWindowExceededError")
_mean(Cause.BUDGET_EXCEEDED, "litellm.BudgetExceededError")
_mean(Cause.OUT_OF_MEMORY, "builtins.MemoryError")
_mean(Cause.RESOURCE_BUSY, "builtins.BlockingIOError", "builtins.InterruptedError", "queue.Full", "gevent.Full",
      "concurrent.BrokenProcessPool", "concurrent.BrokenExecutor")  # fmt: skip
_mean(Cause.PERMISSION, "builtins.PermissionError", vague=True)
_mean(Cause.CONFIG_ERROR, "builtins.FileNotFoundError", "builtins.IsADirectoryError", "builtins.NotADirectoryError",
      "builtins.ModuleNotFoundError", "builtins.ImportError", vague=True)  # fmt: skip
_mean(Cause.BUG, "builtins.TypeError", "builtins.AttributeError", "builtins.KeyError", "builtins.IndexError",
      "builtins.NameError", "builtins.UnboundLocalError", "builtins.AssertionError", "builtins.NotImplementedError",
      "builtins.ZeroDivisionError", "builtins.RecursionError", "builtins.SyntaxError", "builtins.OverflowError",
      "builtins.LookupError", "builtins.ArithmeticError", "builtins.StopIteration", vague=True)  # fmt: skip
_mean(Cause.INVALID_STATE, "builtins.UnicodeDecodeError", "builtins.UnicodeEncodeError", "builtins.UnicodeError",
      "msgpack.ExtraData", "msgpack.FormatError", "msgpack.StackError", "msgpack.OutOfData", "msgpack.UnpackException",
      "msgpack.UnpackValueError", "msgpack.BufferFull", "msgpack.PackException", "pickle.UnpicklingError",
      "_pickle.UnpicklingError", "_pickle.PicklingError", "zlib.error", "binascii.Error", "struct.error",
      "msgspec.DecodeError", "messages.CodecError", "lzma.LZMAError", "gzip.BadGzipFile")  # fmt: skip
_mean(Cause.USER_INPUT, "messages.InvalidMessage", ".UserInputError", ".InvalidUserInput", ".UnknownCommand",
      ".InvalidCommand")  # fmt: skip

# PDF readers and pictures. Their own texts refine the vague ones.
_mean(Cause.PDF_ENCRYPTED, ".FileNotDecryptedError", ".WrongPasswordError", ".PasswordError",
      ".PDFPasswordIncorrect", ".PDFEncryptionError", ".PDFTextExtractionNotAllowed")  # fmt: skip
_mean(Cause.PDF_CORRUPT, "pypdf.EmptyFileError", "PyPDF2.EmptyFileError", "pymupdf.EmptyFileError",
      "fitz.EmptyFileError", "PIL.UnidentifiedImageError", "zipfile.BadZipFile", "zipfile.BadZipfile",
      "lxml.XMLSyntaxError", "tarfile.ReadError")  # fmt: skip
_mean(Cause.PDF_CORRUPT, "pypdf.PdfReadError", "PyPDF2.PdfReadError", "pypdf.PdfStreamError", "pypdf.PyPdfError",
      "PyPDF2.PyPdfError", "pypdf.ParseError", "PyPDF2.PdfStreamError", "pikepdf.PdfError", "pikepdf.DataDecodingError",
      "pypdfium2.PdfiumError", "pdfminer.PDFException", "pdfminer.PSException", "pdfminer.PDFSyntaxError",
      "fitz.FileDataError", "pymupdf.FileDataError", "pymupdf.mupdf", "pdf2image.PDFSyntaxError",
      "pdf2image.PDFPageCountError", vague=True)  # fmt: skip
_mean(Cause.CONFIG_ERROR, "pypdf.DependencyError", "PyPDF2.DependencyError", "pikepdf.DependencyError",
      "pytesseract.TesseractNotFoundError", "pdf2image.PDFInfoNotInstalledError")  # fmt: skip
_mean(Cause.DOCUMENT_TOO_LARGE, "PIL.DecompressionBombError", "pypdf.LimitReachedError", "PIL.DecompressionBombWarning")
_mean(Cause.OCR_FAILED, "pytesseract.TesseractError", vague=True)

# Redis and Valkey: the clients strip the prefix of the answer and turn it into a class.
_mean(Cause.STORE_LOADING, ".BusyLoadingError")
_mean(Cause.STORE_READONLY, ".ReadOnlyError")
_mean(Cause.STORE_OUT_OF_MEMORY, ".OutOfMemoryError")
_mean(Cause.STORE_UNAVAILABLE, ".ClusterDownError", ".MasterDownError", ".MasterNotFoundError",
      ".SlaveNotFoundError", ".SlotNotCoveredError", ".TryAgainError", ".NoReplicasError")  # fmt: skip
_mean(Cause.STORE_MOVED, ".MovedError", ".AskError")
_mean(Cause.DB_CONNECTION_LIMIT, "redis.MaxConnectionsError", "valkey.MaxConnectionsError")
for _store in ("redis", "valkey", "aioredis"):
    _mean(Cause.AUTH, f"{_store}.AuthenticationError", f"{_store}.AuthenticationWrongNumberOfArgsError")
    _mean(Cause.PERMISSION, f"{_store}.NoPermissionError", f"{_store}.AuthorizationError")
    _mean(Cause.DB_UNAVAILABLE, f"{_store}.ConnectionError", f"{_store}.ClusterError", vague=True)
    _mean(Cause.TIMEOUT, f"{_store}.TimeoutError")
    _mean(Cause.DB_SERIALIZATION, f"{_store}.WatchError")
    _mean(Cause.RESOURCE_BUSY, f"{_store}.NoScriptError")
    _mean(Cause.INVALID_STATE, f"{_store}.LockError", f"{_store}.LockNotOwnedError", f"{_store}.ExecAbortError")
    _mean(Cause.INVALID_RESPONSE, f"{_store}.InvalidResponse")
    _mean(Cause.DB_STATEMENT, f"{_store}.DataError", f"{_store}.PubSubError", f"{_store}.RedisClusterException",
          f"{_store}.ClusterCrossSlotError", f"{_store}.CrossSlotTransactionError", f"{_store}.ModuleError",
          f"{_store}.InvalidPipelineStack")  # fmt: skip
    _mean(Cause.DB_STATEMENT, f"{_store}.ResponseError", vague=True)

# Databases, by the DB-API's classes and by PostgreSQL's condition names (psycopg: UniqueViolation, asyncpg:
# UniqueViolationError). A code on the error itself comes before these.
_mean(Cause.CONSTRAINT, ".IntegrityError", ".UniqueViolation", ".ForeignKeyViolation", ".NotNullViolation",
      ".CheckViolation", ".ExclusionViolation", ".RestrictViolation", ".IntegrityConstraintViolation")  # fmt: skip
_mean(Cause.DB_SERIALIZATION, ".SerializationFailure", ".SerializationError", ".StaleDataError")
_mean(Cause.DB_DEADLOCK, ".DeadlockDetected", ".TransactionRollbackError", ".TransactionRollback")
_mean(Cause.DB_LOCKED, ".LockNotAvailable", ".ObjectInUse")
_mean(Cause.DB_QUERY_TIMEOUT, ".QueryCanceled", ".QueryCanceledError", ".IdleInTransactionSessionTimeout",
      ".TransactionTimeout")  # fmt: skip
_mean(Cause.DB_SHUTDOWN, ".AdminShutdown", ".CrashShutdown", ".CannotConnectNow", ".IdleSessionTimeout")
_mean(Cause.DB_CONNECTION_LIMIT, ".TooManyConnections", ".ConfigurationLimitExceeded", "sqlalchemy.TimeoutError",
      "psycopg_pool.PoolTimeout", "psycopg_pool.TooManyRequests", "psycopg2.PoolError")  # fmt: skip
_mean(Cause.DB_UNAVAILABLE, ".ConnectionDoesNotExist", ".ConnectionFailure", ".ConnectionException",
      ".SqlclientUnableToEstablishSqlconnection", ".ConnectionDoesNotExistError", ".CannotConnectNowError",
      ".DisconnectionError", "psycopg_pool.PoolClosed")  # fmt: skip
_mean(Cause.DISK_FULL, ".DiskFull", ".DiskFullError")
_mean(Cause.DISK_IO, ".IoError")
_mean(Cause.DB_CORRUPT, ".DataCorrupted", ".IndexCorrupted")
_mean(Cause.DB_READONLY, ".ReadOnlySqlTransaction", ".ReadOnlySQLTransactionError")
_mean(Cause.PERMISSION, ".InsufficientPrivilege", ".InsufficientPrivilegeError")
_mean(Cause.AUTH, ".InvalidPassword", ".InvalidAuthorizationSpecification", ".InvalidPasswordError")
_mean(Cause.CONFIG_ERROR, ".InvalidCatalogName", ".InvalidCatalogNameError", ".NoSuchModuleError", ".ArgumentError")
_mean(Cause.INVALID_STATE, ".InFailedSqlTransaction", ".PendingRollbackError", ".DetachedInstanceError",
      ".InvalidRequestError", ".InFailedSQLTransactionError", ".ResourceClosedError")  # fmt: skip
for _database in ("sqlite3", "sqlalchemy", "psycopg2", "psycopg", "pymysql", "MySQLdb", "asyncpg", "pg8000"):
    _mean(Cause.DB_STATEMENT, f"{_database}.ProgrammingError", f"{_database}.DataError",
          f"{_database}.NotSupportedError",
          f"{_database}.CompileError", f"{_database}.StatementError", f"{_database}.NoResultFound",
          f"{_database}.MultipleResultsFound", f"{_database}.UndefinedTable", f"{_database}.UndefinedColumn",
          f"{_database}.InternalError", f"{_database}.DatabaseError", f"{_database}.PostgresError",
          f"{_database}.DBAPIError", f"{_database}.Error", vague=True)  # fmt: skip
    _mean(Cause.DB_UNAVAILABLE, f"{_database}.OperationalError", f"{_database}.InterfaceError", vague=True)

# Chat and office services.
_mean(Cause.RATE_LIMIT, "telegram.RetryAfter", "aiogram.TelegramRetryAfter", "telethon.FloodWaitError",
      "pyrogram.FloodWait", "slack_sdk.RateLimitedError", "discord.RateLimited")  # fmt: skip
_mean(Cause.RECIPIENT_BLOCKED, "telegram.Forbidden", "telegram.Unauthorized", "aiogram.TelegramForbiddenError")
_mean(Cause.AUTH, "telegram.InvalidToken", "aiogram.TelegramUnauthorizedError", "google.RefreshError",
      "oauth2client.AccessTokenRefreshError", "oauth2client.HttpAccessTokenRefreshError",
      "google.DefaultCredentialsError", "google.MalformedError", "botocore.NoCredentialsError")  # fmt: skip
_mean(Cause.CONFLICT, "telegram.Conflict", "aiogram.TelegramConflictError")
_mean(Cause.INVALID_REQUEST, "telegram.BadRequest", "telegram.ChatMigrated", "aiogram.TelegramBadRequest", vague=True)
_mean(Cause.NOT_FOUND, "gspread.SpreadsheetNotFound", "gspread.WorksheetNotFound", "gspread.CellNotFound",
      "gspread.NoValidUrlKeyFound", "telegram.EndPointNotFound", "discord.NotFound")  # fmt: skip

_STATUS_BY_NAME: Final[dict[str, int]] = {
    "badrequest": 400, "invalidargument": 400, "failedprecondition": 400, "authentication": 401,
    "unauthenticated": 401, "unauthorized": 401, "permissiondenied": 403, "forbidden": 403, "accessdenied": 403,
    "notfound": 404, "requesttimeout": 408, "conflict": 409, "unprocessableentity": 422, "ratelimit": 429,
    "toomanyrequests": 429, "resourceexhausted": 429, "throttling": 429, "internalserver": 500, "internalserverr": 500,
    "badgateway": 502, "serviceunavailable": 503, "gatewaytimeout": 504, "deadlineexceeded": 504, "overloaded": 529,
    "requesttoolarge": 413, "modelnotready": 503, "modeltimeout": 504, "servicequotaexceeded": 429,
}  # fmt: skip
_STATUS_ROOTS: Final = frozenset({"openai", "anthropic", "google", "groq", "cohere", "litellm", "together", "botocore",
                                  "mistralai", "fireworks", "huggingface_hub", "azure", "ollama",
                                  "aiogram"})  # fmt: skip
_facts_by_class: dict[type, ClassFacts] = {}
_facts_by_name: dict[str, ClassFacts] = {}


def facts_of_class(kind: type) -> ClassFacts:
    """What a class tells, through its method resolution order; remembered for every class."""
    facts = _facts_by_class.get(kind)
    if facts is not None:
        return facts
    try:
        lineage = [(str(one.__module__), str(one.__qualname__)) for one in kind.__mro__]
    except Exception:  # noqa: BLE001 - a metaclass may do anything
        lineage = []
    on_class = tuple(name for name in TELLING if any(name in one.__dict__ for one in kind.__mro__))
    facts = _facts(lineage)._replace(attributes=on_class)
    if len(_facts_by_class) >= _CACHE_MAX:
        _facts_by_class.clear()
    _facts_by_class[kind] = facts
    return facts


def facts_of_name(name: str) -> ClassFacts:
    """What a written class name tells, as in a log line: "psycopg2.errors.DiskFull: could not extend file"."""
    facts = _facts_by_name.get(name)
    if facts is not None:
        return facts
    module, _, simple = name.strip()[:200].replace("\\", ".").rpartition(".")
    facts = _facts([(module or "builtins", simple)])
    if len(_facts_by_name) >= _CACHE_MAX:
        _facts_by_name.clear()
    _facts_by_name[name] = facts
    return facts


def _facts(lineage: list[tuple[str, str]]) -> ClassFacts:
    domain: Domain | None = None
    meaning: tuple[Cause, bool] | None = None
    status: int | None = None
    for module, qualified in lineage:
        root = module.partition(".")[0]
        simple = qualified.rpartition(".")[2]
        if domain is None:
            domain = _domain_of(root, module)
        if meaning is None:
            meaning = _EXACT.get((_ALIAS.get(root, root), simple)) or _EXACT.get(("", simple))
        if status is None and root in _STATUS_ROOTS:
            status = _STATUS_BY_NAME.get(simple.lower().removesuffix("error").removesuffix("exception"))
    module, qualified = lineage[0] if lineage else ("", "")
    builtin = module.partition(".")[0] in _BUILTIN_ROOTS
    cause, vague = meaning if meaning is not None else (None, True)
    code = "" if builtin else qualified.rpartition(".")[2].lower()
    return ClassFacts(domain, cause, vague, code, status, builtin)


_ALIAS: Final = {
    "psycopg_binary": "psycopg", "_sqlite3": "sqlite3", "pysqlite2": "sqlite3", "_socket": "socket", "_ssl": "ssl",
    "_queue": "queue", "_asyncio": "asyncio",
}  # fmt: skip


def _domain_of(root: str, module: str) -> Domain | None:
    if root == "google":
        return Domain.MODEL if "genai" in module or "generativeai" in module else None
    return _ROOT_DOMAIN.get(root)
