"""What the doctor says of the webhook, of extras and of every section; and that it shows no secret."""

from pathlib import Path

import pytest

from actors.console.doctor import Finding, doctor, examine
from actors.models.caller import name_of
from actors.settings import load_settings

SECRET = "hunter2hunter2"


def found(folder: Path, what: str, **settings: str) -> Finding:
    """What is said of one thing, with these settings."""
    environment = {f"UNFAILING_{name}": value for name, value in settings.items()}
    loaded = load_settings(environment, data_dir=str(folder))
    return next(finding for finding in examine(loaded) if finding.what == what)


@pytest.mark.parametrize(
    ("secret", "level", "said"),
    [(None, "missing", "not set"), ("whsec_!", "missing", "base64"), ("whsec_aHVudGVy", "ok", "signed")],
)
def test_given_a_webhook_when_examined_then_its_host_and_its_secret_are_judged_and_nothing_more_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None, level: str, said: str
) -> None:
    """A missing secret makes a dead letter of every event: it is said before."""
    if secret is not None:
        monkeypatch.setenv("HOOK", secret)
    url = f"https://me:{SECRET}@hooks.example/in?token={SECRET}"

    finding = found(tmp_path, "webhook", WEBHOOK__URL=url, WEBHOOK__SECRET_ENV="HOOK")

    assert finding.level == level
    assert "hooks.example" in finding.detail
    assert said in finding.detail
    assert SECRET not in repr(finding)


def test_given_brackets_in_a_finding_when_printed_for_people_then_they_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal library would take them for markup: a command without its extra mends nothing."""
    environment = {"UNFAILING_LEDGER__URL": f"postgresql://me:{SECRET}@127.0.0.1:1/x"}

    doctor(load_settings(environment, data_dir=str(tmp_path)), as_json=False)

    said = capsys.readouterr()
    assert "[hidden]" in said.out
    assert SECRET not in said.out + said.err


def test_given_an_address_with_credentials_when_a_model_is_named_then_they_are_not_in_its_names(tmp_path: Path) -> None:
    """Names of breakers and accounts stand in logs, listings and the store."""
    environment = {"UNFAILING_MODELS__0__NAME": "m", "UNFAILING_MODELS__0__BASE_URL": f"http://me:{SECRET}@host:1/v1"}

    model = load_settings(environment, data_dir=str(tmp_path)).models[0]

    assert name_of(model) == "m@host:1"
    assert SECRET not in model.account_name
