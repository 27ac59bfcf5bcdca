"""The configuration is what the file says, or one sentence that names the key."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.settings import (
    BreakerSettings,
    BreakersSettings,
    DaemonSettings,
    ModelSettings,
    Settings,
    load_settings,
    read_secret,
)
from messages.errors import SettingsError

EXAMPLE = """
[daemon]
data_dir = "var"
redis_url = ""
partitions = 16
appendfsync = "always"
soft_deadline_s = 8.0
hard_deadline_s = 30.0
max_attempts = 3

[[models]]
name = "gpt-x"
tier = "primary"
base_url = "http://127.0.0.1:8000/v1"
api_key_env = "OPENAI_API_KEY"
timeout_s = 20.0
account = "openai-main"
input_price = 2.50
output_price = 10.00
daily_budget_usd = 20.00

[breakers.ai_model]
failure_threshold = 3
recovery_timeout_s = 30.0

[webhook]
url = ""
secret_env = ""
allow_private = false

[ledger]
url = ""

[sheets]
[converter]
"""


def _loaded(folder: Path, toml: str, **environment: str) -> Settings:
    file = folder / "unfailing.toml"
    file.write_text(toml)
    return load_settings(environment, config_file=str(file))


def test_given_nothing_when_loaded_then_the_defaults_of_the_protocol() -> None:
    """No file, no variable: every figure as printed."""
    settings = load_settings({})

    assert settings == Settings()
    assert settings.daemon == DaemonSettings(
        data_dir="var",
        redis_url="",
        partitions=16,
        appendfsync="always",
        soft_deadline_s=8.0,
        hard_deadline_s=30.0,
        max_attempts=3,
        prefix="unfailing",
    )
    assert settings.breakers == BreakersSettings(
        ai_model=BreakerSettings(3, 30.0),
        database=BreakerSettings(5, 10.0),
        external_api=BreakerSettings(5, 60.0),
        file_service=BreakerSettings(3, 20.0),
        webhook=BreakerSettings(10, 120.0),
    )
    assert settings.models == ()


def test_given_the_example_of_the_protocol_when_loaded_then_the_defaults_and_its_model(tmp_path: Path) -> None:
    """The file of section 4 says what the defaults say."""
    settings = _loaded(tmp_path, EXAMPLE)

    assert settings.models == (
        ModelSettings(
            name="gpt-x",
            tier="primary",
            base_url="http://127.0.0.1:8000/v1",
            api_key_env="OPENAI_API_KEY",
            timeout_s=20.0,
            account="openai-main",
            input_price=2.5,
            output_price=10.0,
            daily_budget_usd=20.0,
        ),
    )
    assert settings.daemon == Settings().daemon
    assert settings.breakers == Settings().breakers


def test_given_one_figure_of_a_preset_when_loaded_then_the_other_stays(tmp_path: Path) -> None:
    """A table is laid over its defaults."""
    settings = _loaded(tmp_path, "[breakers.database]\nfailure_threshold = 9")

    assert settings.breakers.database == BreakerSettings(9, 10.0)


WRONG = {
    "a key that is near another": ("[daemon]\npartition = 16", "daemon.partition", "partitions"),
    "a section that is near another": ("[demon]\npartitions = 16", "demon", "daemon"),
    "a key like no other": ("[ledger]\nxyzzy = 1", "ledger.xyzzy", "known here: url"),
    "a model's key": ('[[models]]\nname = "x"\ntimeout = 3', "models.0.timeout", "timeout_s"),
    "a breaker that is none": ("[breakers.gpu]\nfailure_threshold = 3", "breakers.gpu", "ai_model"),
    "a figure as text": ('[daemon]\npartitions = "16"', "daemon.partitions", "int"),
    "a figure too small": ("[daemon]\npartitions = 0", "daemon.partitions", ">= 1"),
    "no figure": ("[daemon]\nsoft_deadline_s = nan", "daemon.soft_deadline_s", "> 0"),
    "a word that is none of them": ('[daemon]\nappendfsync = "no"', "daemon.appendfsync", "always, everysec"),
    "a section that is a figure": ("daemon = 3", "daemon", "table"),
    "models that are a table": ('[models]\nname = "x"', "models", "array"),
    "a model without a name": ('[[models]]\ntier = "primary"', "models.0", "name"),
    "a tier that is none": ('[[models]]\nname = "x"\ntier = "best"', "models.0.tier", "primary, secondary, tertiary"),
    "deadlines the wrong way round": ("[daemon]\nsoft_deadline_s = 30", "daemon.soft_deadline_s", "hard_deadline_s"),
    "an address of another kind": ('[daemon]\nredis_url = "localhost"', "daemon.redis_url", "redis://"),
    "a ledger of another kind": ('[ledger]\nurl = "mysql://x"', "ledger.url", "postgresql://"),
    "a webhook of another kind": ('[webhook]\nurl = "ftp://x"', "webhook.url", "https://"),
    "a prefix with a brace": ('[daemon]\nprefix = "a{b}"', "daemon.prefix", "regex"),
    "a sheet without its key": ('[sheets]\nspreadsheet = "x"', "sheets.credentials_file", "spreadsheet"),
    "no TOML": ("[daemon", "unfailing.toml", "TOML"),
}


@pytest.mark.parametrize(("toml", "key", "hint"), WRONG.values(), ids=WRONG.keys())
def test_given_a_mistake_when_loaded_then_its_key_and_a_way_out(tmp_path: Path, toml: str, key: str, hint: str) -> None:
    """One sentence for the person at the terminal."""
    with pytest.raises(SettingsError) as caught:
        _loaded(tmp_path, toml)

    text = str(caught.value)
    assert key in text.partition(": ")[0]
    assert hint in text
    assert "\n" not in text


def test_given_no_file_or_an_unreadable_one_when_loaded_then_its_path_is_named(tmp_path: Path) -> None:
    """A missing file is a mistake, not the defaults."""
    (tmp_path / "latin.toml").write_bytes(b'[daemon]\ndata_dir = "\xe9"')

    for name, hint in (("missing.toml", "no such file"), ("latin.toml", "cannot be read"), (".", "cannot be read")):
        with pytest.raises(SettingsError, match=hint):
            load_settings({}, config_file=str(tmp_path / name))


def test_given_variables_when_loaded_then_over_the_file_and_under_the_command_line(tmp_path: Path) -> None:
    """File, environment, command line: the later wins."""
    (tmp_path / "a.toml").write_text(
        '[daemon]\ndata_dir = "file"\nredis_url = "redis://file"\npartitions = 4\nmax_attempts = 5'
    )
    environment = {
        "UNFAILING_CONFIG": str(tmp_path / "a.toml"),
        "UNFAILING_DATA_DIR": "environment",
        "UNFAILING_REDIS_URL": "redis://environment",
        "UNFAILING_DAEMON__PARTITIONS": "8",
        "UNFAILING_BREAKERS__AI_MODEL__FAILURE_THRESHOLD": "7",
        "UNFAILING_WEBHOOK__ALLOW_PRIVATE": "true",
        "UNFAILING_MODELS__0__NAME": "m",
        "UNFAILING_MODELS__0__TIMEOUT_S": "1.5",
        "UNFAILING_SHARED_DATA": "not a setting",
        "HOME": "/",
    }

    settings = load_settings(environment, data_dir="command line")

    assert settings.daemon.data_dir == "command line"
    assert settings.daemon.redis_url == "redis://environment"
    assert (settings.daemon.partitions, settings.daemon.max_attempts) == (8, 5)
    assert settings.breakers.ai_model == BreakerSettings(7, 30.0)
    assert settings.webhook.allow_private
    assert settings.models == (ModelSettings("m", timeout_s=1.5),)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("UNFAILING_DAEMON__PARTITION", "8", "partitions"),
        ("UNFAILING_DEMON__PARTITIONS", "8", "daemon"),
        ("UNFAILING_DAEMON__PARTITIONS", "eight", "int"),
        ("UNFAILING_DAEMON__PARTITIONS", "", "int"),
        ("UNFAILING_DAEMON__APPENDFSYNC", "no", "always, everysec"),
        ("UNFAILING_DAEMON__DATA_DIR__X", "a", "no parts"),
        ("UNFAILING_BREAKERS__AI_MODEL", "a", "section"),
        ("UNFAILING_MODELS__3__NAME", "a", "next is 0"),
        ("UNFAILING_MODELS__FIRST__NAME", "a", "no parts"),
    ],
)
def test_given_a_wrong_variable_when_loaded_then_its_name_and_a_way_out(name: str, value: str, hint: str) -> None:
    """A mistake in the environment is named as it was written."""
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value})

    text = str(caught.value)
    assert name in text or name.removeprefix("UNFAILING_").lower().replace("__", ".") in text
    assert hint in text


def test_given_openai_variables_and_no_models_when_loaded_then_one_primary_model(tmp_path: Path) -> None:
    """And none beside models that are configured, nor without a key."""
    environment = {"OPENAI_API_KEY": "sk-abcdefgh", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_MODEL": "gpt-y"}

    from_environment = load_settings(environment).models
    from_file = _loaded(tmp_path, EXAMPLE, **environment).models
    without_key = load_settings({"OPENAI_MODEL": "gpt-y"}).models

    assert from_environment == (ModelSettings("gpt-y", "primary", "http://127.0.0.1:1/v1", "OPENAI_API_KEY"),)
    assert [model.name for model in from_file] == ["gpt-x"]
    assert without_key == ()


def test_given_models_when_asked_for_their_account_then_base_url_and_key_by_default() -> None:
    """Two models behind one key are one account."""
    assert ModelSettings("a", account="x").account_name == "x"
    assert ModelSettings("a").account_name == ModelSettings("b").account_name
    assert ModelSettings("a").account_name != ModelSettings("a", api_key_env="OTHER").account_name


def test_given_secrets_when_settings_are_shown_then_hidden() -> None:
    """Neither repr nor str shows a password or a key, at any depth."""
    environment = {
        "OPENAI_API_KEY": "sk-abcdefghijkl",
        "UNFAILING_REDIS_URL": "redis://u:hunter2@db.example",
        "UNFAILING_LEDGER__URL": "postgresql://u:hunter3@db.example/x",
        "UNFAILING_WEBHOOK__URL": "https://h.example/?token=hunter4",
    }

    settings = load_settings(environment)

    for shown in (repr(settings), str(settings), f"{settings.daemon}", repr([settings])):
        assert "hunter" not in shown
        assert "abcdefghijkl" not in shown
    assert "db.example" in repr(settings)
    assert settings.daemon.redis_url.endswith("hunter2@db.example")


def test_given_a_variable_when_read_as_a_secret_then_its_value_or_none() -> None:
    """Blank counts as missing."""
    environment = {"KEY": " sk-1 ", "BLANK": " "}

    assert read_secret("KEY", environment) == "sk-1"
    assert [read_secret(name, environment) for name in ("BLANK", "MISSING", "")] == [None, None, None]


_names = st.lists(
    st.sampled_from(["DAEMON", "MODELS", "0", "1", "NAME", "BREAKERS", "AI_MODEL", "PARTITIONS", "X", ""]),
    min_size=2,
    max_size=4,
)


@given(st.dictionaries(_names.map(lambda parts: "UNFAILING_" + "__".join(parts)), st.text(max_size=4), max_size=4))
def test_given_any_environment_when_loaded_then_settings_or_one_sentence(environment: dict[str, Any]) -> None:
    """Nothing else is ever raised."""
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        assert str(error)
    else:
        assert isinstance(settings, Settings)


def test_given_the_file_in_deploy_when_loaded_then_it_names_every_setting_with_its_default() -> None:
    """Whoever copies it has the whole configuration before them, and has changed nothing."""
    file = Path(__file__).parents[2] / "deploy" / "unfailing.toml"
    text = file.read_text(encoding="utf-8")
    example = text[text.index("# [[models]]") :].replace("\n# ", "\n").removeprefix("# ")

    named = tomllib.loads(text) | tomllib.loads(example)

    assert load_settings({}, config_file=str(file)) == Settings()
    assert _keys(named) | {("models",)} == _keys(msgspec.to_builtins(Settings()))
    assert set(named["models"][0]) == set(ModelSettings.__struct_fields__)


def _keys(table: dict[str, Any], above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, value in table.items():
        found |= _keys(value, (*above, name)) if isinstance(value, dict) else {(*above, name)}
    return found
