"""A daemon that an agent starts has the agent's settings, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agent_client.child_settings import agent_settings, child_environment, settings_environment
from actors.settings import DaemonSettings, ModelSettings, Settings, WebhookSettings, load_settings
from messages.errors import SettingsError

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
settings = st.builds(
    Settings,
    daemon=st.builds(
        DaemonSettings,
        data_dir=st.just("/data"),
        partitions=st.integers(1, 64),
        soft_deadline_s=st.floats(0.1, 1.0),
        hard_deadline_s=st.floats(1.5, 100.0),
        log_level=st.sampled_from(["debug", "warning"]),
    ),
    models=st.lists(
        st.builds(
            ModelSettings,
            name=text.filter(bool),
            tier=st.sampled_from(["primary", "tertiary"]),
            account=text,
            input_price=st.floats(0, 100),
        ),
        max_size=3,
    ).map(tuple),
    webhook=st.builds(WebhookSettings, allow_private=st.booleans(), secret_env=text),
)


@given(settings)
def test_given_any_settings_when_told_through_the_environment_then_they_are_the_same(given_settings: Settings) -> None:
    """Every section, every kind of value, models included."""
    assert load_settings(settings_environment(given_settings)) == given_settings


def test_given_other_settings_in_the_environment_when_a_child_is_started_then_it_does_not_see_them() -> None:
    """Only what the agent goes by; everything else of the environment stays."""
    environment = {
        "UNFAILING_DATA_DIR": "/elsewhere",
        "UNFAILING_CONFIG": "/a.toml",
        "OPENAI_API_KEY": "k",
        "PATH": "/",
    }
    without_models = Settings(daemon=DaemonSettings(data_dir="/data"))
    with_models = Settings(models=(ModelSettings("m"),))

    seen = child_environment(without_models, environment)
    seen_with_models = child_environment(with_models, environment)

    assert seen == {"PATH": "/", "UNFAILING_DAEMON__DATA_DIR": "/data"}
    assert load_settings(seen) == without_models
    assert seen_with_models["OPENAI_API_KEY"] == "k"
    assert load_settings(seen_with_models) == with_models


def test_given_a_deadline_of_the_program_when_settings_are_made_then_the_soft_one_follows(tmp_path: Path) -> None:
    """A hard deadline below the configured soft one would be refused by the daemon."""
    found = agent_settings(
        None, {}, config_file=None, data_dir=str(tmp_path), redis_url="redis://r:1", hard_deadline_s=3.0
    )

    assert found.daemon.hard_deadline_s == 3.0
    assert found.daemon.soft_deadline_s == pytest.approx(0.8)
    assert found.daemon.redis_url == "redis://r:1"


def test_given_a_wrong_setting_when_an_agent_is_made_then_it_is_told_at_once() -> None:
    """Not when the first message comes."""
    with pytest.raises(SettingsError, match="HARD_DEADLINE_S"):
        agent_settings(None, {}, config_file=None, data_dir=None, redis_url=None, hard_deadline_s=-1.0)
    with pytest.raises(SettingsError, match="redis_url"):
        agent_settings(None, {}, config_file=None, data_dir=None, redis_url="http://r", hard_deadline_s=None)
