"""What the doctor says of conversions."""

from pathlib import Path
from typing import Any

import pytest
from files.test_converter import needs_isolation, program

from actors.console.doctor import Finding, examine
from actors.settings import load_settings


def finding(folder: Path, **converter: Any) -> Finding:
    """Of the conversion, with these settings."""
    environment = {f"UNFAILING_CONVERTER__{name.upper()}": value for name, value in converter.items()}
    settings = load_settings(environment, data_dir=str(folder))
    return next(found for found in examine(settings) if found.what == "conversion to PDF")


def test_given_neither_when_examined_then_it_says_how_to_have_one(tmp_path: Path) -> None:
    """A warning: the agent works without."""
    found = finding(tmp_path, soffice="/nowhere/soffice")

    assert found.level == "warning"
    assert "LibreOffice" in found.mend


def test_given_a_key_that_is_not_set_when_examined_then_its_variable_is_to_be(tmp_path: Path) -> None:
    """Its name stands in the settings."""
    found = finding(tmp_path, api_key_env="NO_SUCH_KEY", soffice="/nowhere/soffice")

    assert found.level == "warning"
    assert "api_key_env" in found.mend


@needs_isolation
def test_given_both_when_examined_then_both_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they are asked."""
    monkeypatch.setenv("CC_KEY", "k")

    found = finding(tmp_path, api_key_env="CC_KEY", soffice=program(tmp_path, "exit 0"))

    assert (found.level, found.detail) == ("ok", "CloudConvert, else LibreOffice without network")
