"""The settings of an agent, and how a daemon that it starts is told of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from messages.errors import SettingsError

# As far from the hard deadline as in the defaults: 8 of 30 seconds.
SOFT_SHARE: Final = 8 / 30


def agent_settings(
    settings: Settings | None,
    environment: Mapping[str, str],
    *,
    config_file: str | None,
    data_dir: str | None,
    redis_url: str | None,
    hard_deadline_s: float | None,
) -> Settings:
    """The settings given, or those of file and environment, with what the program names over them.

    Raises SettingsError.
    """
    if settings is None:
        settings = load_settings(environment, config_file=config_file, data_dir=data_dir, redis_url=redis_url)
    daemon = settings.daemon
    changes: dict[str, Any] = {"data_dir": str(Path(data_dir or daemon.data_dir).expanduser().absolute())}
    if redis_url is not None:
        changes["redis_url"] = redis_url
    if hard_deadline_s is not None:
        changes["hard_deadline_s"] = float(hard_deadline_s)
        changes["soft_deadline_s"] = min(daemon.soft_deadline_s, hard_deadline_s * SOFT_SHARE)
    settings = msgspec.structs.replace(settings, daemon=msgspec.structs.replace(daemon, **changes))
    # Through the same door as any other configuration: what is refused there is refused here.
    return load_settings(settings_environment(settings))


def settings_environment(settings: Settings) -> dict[str, str]:
    """Every setting that is not the default, as the environment variables that say so."""
    return {
        ENVIRONMENT_PREFIX + "__".join(keys).upper(): text
        for keys, text in _leaves(msgspec.to_builtins(settings), msgspec.to_builtins(Settings()), ())
    }


def child_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a daemon with these settings and no others."""
    kept = {name: value for name, value in environment.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    if not settings.models:
        # With a key and no models a daemon would make one of its own.
        kept.pop("OPENAI_API_KEY", None)
    return {**kept, **settings_environment(settings)}


def _leaves(value: Any, default: Any, keys: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        items: list[tuple[str, Any]] = list(value.items())
    elif isinstance(value, list | tuple):
        items = [(str(number), item) for number, item in enumerate(value)]
    else:
        if "\0" in str(value):
            raise SettingsError(f"{'.'.join(keys)}: holds a character that no environment can carry")
        return [] if value == default else [(keys, _text(value))]
    defaults = default if isinstance(default, dict) else {}
    return [leaf for key, item in items for leaf in _leaves(item, defaults.get(key), (*keys, key))]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
