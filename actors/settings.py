"""The configuration: one TOML file, the environment over it, the command line over both.

`load_settings` gives frozen structs whose fields are the keys of the file, with the defaults standing here and nowhere
else. Every mistake is a `SettingsError` that names the key and says what would do. Secrets never stand in the
configuration, only the names of the variables that hold them; the one place that could hold one, a password within an
address, is hidden in every repr.
"""

import difflib
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from messages.errors import SettingsError
from messages.redaction import redact_url

ENVIRONMENT_PREFIX: Final = "UNFAILING_"
DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"
DEFAULT_MODEL: Final = "gpt-4o-mini"
_STORE_SCHEMES: Final = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Price: TypeAlias = Annotated[float, Meta(ge=0)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the configuration; its repr hides passwords within addresses."""

    def __repr__(self) -> str:
        """Show every field, addresses without their passwords."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        shown = (f"{n}={redact_url(v)!r}" if isinstance(v, str) else f"{n}={v!r}" for n, v in fields.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class DaemonSettings(_Section, frozen=True):
    """[daemon]: the node itself."""

    data_dir: Name = "var"
    """Everything the node keeps; relative to where it is started."""
    redis_url: str = ""
    """Empty: the embedded server."""
    partitions: Annotated[int, Meta(ge=1, le=16_384)] = 16
    """Fixed at the first start of a deployment; the stored number wins."""
    appendfsync: Literal["always", "everysec"] = "always"
    """Of the embedded server."""
    soft_deadline_s: Seconds = 8.0
    hard_deadline_s: Seconds = 30.0
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    """Turns that crash their session before the message is poison."""
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] = "unfailing"
    """Of every key and channel."""
    session_idle_s: Seconds = 600.0
    """A session idle for so long leaves memory; its next message brings it back."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class FilesSettings(_Section, frozen=True):
    """[files]: what the node keeps of committed sessions on its own disk."""

    backup_every_s: Seconds = 3600.0
    backups: Annotated[int, Meta(ge=1, le=1000)] = 5
    """How many are kept; the oldest goes when a new one was read back."""
    retention_days: Annotated[float, Meta(ge=0, le=36_500)] = 0
    """Sessions idle for longer are archived and removed; 0: none ever is."""


class ReaderSettings(_Section, frozen=True):
    """[readers]: the subprocesses that read documents."""

    count: Annotated[int, Meta(ge=1, le=64)] = 2
    memory_mb: Annotated[int, Meta(ge=64, le=16_384)] = 512
    timeout_s: Seconds = 20.0


class OcrSettings(_Section, frozen=True):
    """[ocr]: the subprocesses that read pictures, where an engine is installed."""

    enabled: bool = True
    count: Annotated[int, Meta(ge=1, le=16)] = 1
    memory_mb: Annotated[int, Meta(ge=256, le=16_384)] = 1024
    timeout_s: Seconds = 90.0


class ModelSettings(_Section, frozen=True):
    """One of [[models]]."""

    name: Name
    """Sent as `model`."""
    tier: Literal["primary", "secondary", "tertiary"] = "primary"
    base_url: Name = DEFAULT_BASE_URL
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the variable with the key; empty for a server that wants none."""
    timeout_s: Seconds = 20.0
    account: str = ""
    """Models of one account are parked together; empty: base_url and key."""
    input_price: Price = 0.0
    """USD per million tokens."""
    output_price: Price = 0.0
    daily_budget_usd: Price = 0.0
    """0: none."""

    @property
    def account_name(self) -> str:
        """The account as configured, or the one that base_url and key stand for."""
        return self.account or f"{redact_url(self.base_url)} {self.api_key_env}".strip()


class BreakerSettings(_Section, frozen=True):
    """One of [breakers.<kind>]."""

    failure_threshold: Annotated[int, Meta(ge=1, le=1000)]
    recovery_timeout_s: Seconds


class BreakersSettings(_Section, frozen=True):
    """[breakers]: a preset for each kind of endpoint."""

    ai_model: BreakerSettings = BreakerSettings(3, 30.0)
    database: BreakerSettings = BreakerSettings(5, 10.0)
    external_api: BreakerSettings = BreakerSettings(5, 60.0)
    file_service: BreakerSettings = BreakerSettings(3, 20.0)
    webhook: BreakerSettings = BreakerSettings(10, 120.0)


class WebhookSettings(_Section, frozen=True):
    """[webhook]."""

    url: str = ""
    secret_env: str = ""
    """Name of the variable with the whsec_ secret."""
    allow_private: bool = False
    """Private and loopback addresses are refused unless true."""


class LedgerSettings(_Section, frozen=True):
    """[ledger]."""

    url: str = ""
    """Empty: SQLite in the data directory; or postgresql://..."""


class SheetsSettings(_Section, frozen=True):
    """[sheets]: one row an invoice."""

    spreadsheet: str = ""
    """The id in the spreadsheet's address; empty: `invoices.csv` in the data directory instead."""
    credentials_file: str = ""
    """The JSON key of a Google service account that may edit the spreadsheet."""
    api_url: Name = "https://sheets.googleapis.com"
    """Where Google's Sheets API is reached; plain http on this machine only."""


class DownloadSettings(_Section, frozen=True):
    """[download]: attachments that come as an address."""

    timeout_s: Seconds = 60.0
    """For one file, with its retries; what takes longer than the reply may is told in a follow-up."""
    allow_private: bool = False
    """Private and loopback addresses are refused unless true."""


class ConverterSettings(_Section, frozen=True):
    """[converter]: files of kinds that are not read natively."""

    api_key_env: str = ""
    """Name of the variable with CloudConvert's key; empty: local tools."""
    base_url: Name = "https://api.cloudconvert.com/v2"
    allow_private: bool = False
    """Private and loopback addresses are refused unless true."""
    soffice: str = ""
    """LibreOffice's program; empty: looked for on the PATH."""
    timeout_s: Seconds = 60.0
    """For one file."""


class Settings(_Section, frozen=True):
    """The whole configuration."""

    daemon: DaemonSettings = DaemonSettings()
    files: FilesSettings = FilesSettings()
    readers: ReaderSettings = ReaderSettings()
    ocr: OcrSettings = OcrSettings()
    models: tuple[ModelSettings, ...] = ()
    breakers: BreakersSettings = BreakersSettings()
    webhook: WebhookSettings = WebhookSettings()
    ledger: LedgerSettings = LedgerSettings()
    sheets: SheetsSettings = SheetsSettings()
    download: DownloadSettings = DownloadSettings()
    converter: ConverterSettings = ConverterSettings()


def load_settings(
    environment: Mapping[str, str],
    *,
    config_file: str | None = None,
    data_dir: str | None = None,
    redis_url: str | None = None,
) -> Settings:
    """Read the configuration. environment is os.environ; the other arguments are those of the command line.

    Raises SettingsError, whose text is meant for the person at the terminal.
    """
    path = config_file or environment.get(f"{ENVIRONMENT_PREFIX}CONFIG") or ""
    table = _read_toml(Path(path)) if path else {}
    _refuse_unknown_keys(table, Settings, ())
    for keys, value in _environment_overrides(environment):
        _set_value(table, keys, value)
    for key, given in (("data_dir", data_dir), ("redis_url", redis_url)):
        if given is not None:
            table.setdefault("daemon", {})[key] = given
    _add_model_of_environment(table, environment)
    try:
        settings = msgspec.convert(_merged(msgspec.to_builtins(Settings()), table), Settings)
    except msgspec.ValidationError as error:
        raise _explained(error) from None
    _check_together(settings)
    return settings


def read_secret(name: str, environment: Mapping[str, str]) -> str | None:
    """Give the secret that a variable holds; None when the name is empty or the variable missing or blank."""
    return (environment.get(name, "").strip() or None) if name else None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None


def _refuse_unknown_keys(value: Any, kind: Any, path: tuple[str, ...]) -> None:
    """Walk a table along the types it should have; wrong types are left for the conversion to find."""
    if _is_section(kind) and isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unknown_keys(inner, _kind_of_field(kind, key, (*path, key)), (*path, key))
    elif typing.get_origin(kind) is tuple and isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_unknown_keys(inner, typing.get_args(kind)[0], (*path, str(index)))


def _kind_of_field(section: type[Struct], key: str, path: tuple[str, ...]) -> Any:
    known = section.__struct_fields__
    if key not in known:
        near = difflib.get_close_matches(key, known, 1, 0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
        raise SettingsError(f"{'.'.join(path)}: there is no such setting; {hint}")
    return typing.get_type_hints(section, include_extras=True)[key]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _environment_overrides(environment: Mapping[str, str]) -> list[tuple[tuple[str, ...], Any]]:
    """Give (keys, value) for UNFAILING_DATA_DIR, UNFAILING_REDIS_URL and every UNFAILING_<SECTION>__<KEY>, by name."""
    overrides: list[tuple[tuple[str, ...], Any]] = []
    for key in ("data_dir", "redis_url"):
        name = ENVIRONMENT_PREFIX + key.upper()
        if name in environment:
            overrides.append((("daemon", key), environment[name]))
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            keys = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            overrides.append((keys, _value_of_text(name, environment[name], keys)))
    return overrides


def _value_of_text(name: str, text: str, keys: tuple[str, ...]) -> Any:
    kind: Any = Settings
    for depth, key in enumerate(keys, start=1):
        if _is_section(kind):
            kind = _kind_of_field(kind, key, (f"{name} ({'.'.join(keys[:depth])})",))
        elif typing.get_origin(kind) is tuple and key.isdecimal():
            kind = typing.get_args(kind)[0]
        else:
            raise SettingsError(f"{name}: `{'.'.join(keys[: depth - 1])}` has no parts")
    if _is_section(kind) or typing.get_origin(kind) is tuple:
        raise SettingsError(f"{name}: names a section; add `__` and one of its keys")
    try:
        return msgspec.to_builtins(msgspec.convert(text, kind, strict=False))
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {_with_choices(str(error), kind)}") from None


def _set_value(table: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Put a value where keys lead, making tables and, at most one beyond the end, list items on the way."""
    here: Any = table
    for key, following in zip(keys, (*keys[1:], None), strict=True):
        if isinstance(here, list):
            index = int(key)
            if index > len(here):
                raise SettingsError(f"{'.'.join(keys)}: there are {len(here)} so far, so the next is {len(here)}")
            if index == len(here):
                here.append({})
            here = here[index]
        elif not isinstance(here, dict):
            raise SettingsError(f"{'.'.join(keys)}: what the file has there is no table")
        elif following is None:
            here[key] = value
        else:
            here = here.setdefault(key, [] if following.isdecimal() else {})


def _add_model_of_environment(table: dict[str, Any], environment: Mapping[str, str]) -> None:
    if "models" in table or not environment.get("OPENAI_API_KEY"):
        return
    table["models"] = [
        {
            "name": environment.get("OPENAI_MODEL") or DEFAULT_MODEL,
            "base_url": environment.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL,
        }
    ]


def _merged(defaults: Any, given: Any) -> Any:
    """Lay tables over tables; anything else replaces what was there."""
    if not isinstance(defaults, dict) or not isinstance(given, dict):
        return given
    return {**defaults, **{key: _merged(defaults.get(key), value) for key, value in given.items()}}


def _explained(error: msgspec.ValidationError) -> SettingsError:
    detail, _, path = str(error).replace("`object`", "table").partition(" - at `$")
    keys = path.rstrip("`").lstrip(".").replace("[", ".").replace("]", "")
    kind: Any = Settings
    for key in keys.split(".") if keys else ():
        kind = typing.get_args(kind)[0] if key.isdecimal() else typing.get_type_hints(kind, include_extras=True)[key]
    return SettingsError(f"{keys or 'configuration'}: {_with_choices(detail, kind)}")


def _with_choices(detail: str, kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return f"{detail}; one of {', '.join(map(str, typing.get_args(kind)))}"
    return detail[:1].lower() + detail[1:]


def _check_together(settings: Settings) -> None:
    """Refuse what is right in each part and wrong as a whole."""
    daemon = settings.daemon
    if daemon.soft_deadline_s >= daemon.hard_deadline_s:
        raise SettingsError(
            f"daemon.soft_deadline_s: {daemon.soft_deadline_s:g} must be less than "
            f"daemon.hard_deadline_s, {daemon.hard_deadline_s:g}"
        )
    _check_scheme("daemon.redis_url", daemon.redis_url, _STORE_SCHEMES)
    _check_scheme("converter.base_url", settings.converter.base_url, ("http", "https"))
    _check_scheme("webhook.url", settings.webhook.url, ("http", "https"))
    _check_scheme("ledger.url", settings.ledger.url, ("postgresql", "postgres"))
    for index, model in enumerate(settings.models):
        _check_scheme(f"models.{index}.base_url", model.base_url, ("http", "https"))
    if settings.sheets.spreadsheet and not settings.sheets.credentials_file:
        raise SettingsError("sheets.credentials_file: needed with sheets.spreadsheet")
    _check_scheme("sheets.api_url", settings.sheets.api_url, ("https", "http"))
    if settings.sheets.api_url.lower().startswith("http://") and not _is_here(settings.sheets.api_url):
        raise SettingsError("sheets.api_url: must begin with https://, or a token would travel in the open")


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _check_scheme(key: str, url: str, schemes: tuple[str, ...]) -> None:
    scheme, found, rest = url.partition("://")
    if url and (not found or not rest or scheme.lower() not in schemes):
        raise SettingsError(f"{key}: must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
