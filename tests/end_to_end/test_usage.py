"""How the command line takes what it is given, without a daemon."""

import pytest

import run


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("send 789 hello --user u", "text", "hello"),
        ("send 789 --user u hello", "text", "hello"),
        ("send 789 --file a.pdf", "text", None),
        ("dlq replay --dry-run 01-2-3", "id", "01-2-3"),
        ("dlq discard 01-2-3 --reason r", "id", "01-2-3"),
        ("chat --user u 789", "chat", "789"),
        ("chat", "chat", "terminal"),
    ],
)
def test_given_options_before_what_may_be_left_out_when_parsed_then_it_is_taken_all_the_same(
    line: str, name: str, value: str | None
) -> None:
    """Where an option stands makes no difference."""
    assert getattr(run._parsed(line.split()), name) == value


@pytest.mark.parametrize(
    "line", ["send 789 one two", "send 789 one --bogus", "dlq replay a b", "send 789 x --wait soon"]
)
def test_given_more_than_a_command_takes_when_parsed_then_it_is_wrong_usage(line: str) -> None:
    """Exit status 2, and nothing is done."""
    with pytest.raises(SystemExit) as ended:
        run._parsed(line.split())

    assert ended.value.code == 2
