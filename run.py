#!/usr/bin/env python3
"""The command line of Unfailing: the daemon, and all that talks to one. Exit status 0 done, 1 failed, 2 wrong usage."""

import os
import sys
from pathlib import Path

_OWN_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"

try:
    from gevent import monkey
except ImportError:
    # Started by another interpreter than the one `make install` made: go on as that one.
    if __name__ != "__main__" or not _OWN_PYTHON.exists() or Path(sys.prefix) == _OWN_PYTHON.parent.parent:
        raise
    os.execv(_OWN_PYTHON, [str(_OWN_PYTHON), *sys.argv])  # noqa: S606 - this very program

monkey.patch_all()

import argparse
from typing import TYPE_CHECKING, Any

from messages.errors import UnfailingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.settings import Settings

SEND_WAIT_S = 60.0
CHAT = "terminal"


def main(argv: "Sequence[str] | None" = None) -> int:
    """Do what the command line says; returns the exit status."""
    if not monkey.is_module_patched("socket"):
        raise RuntimeError("run.py must patch before anything else is imported")
    arguments = _parsed(argv)
    from actors.logs import configure_logging
    from actors.settings import load_settings

    try:
        settings = load_settings(
            os.environ, config_file=arguments.config, data_dir=arguments.data_dir, redis_url=arguments.redis_url
        )
        configure_logging(settings.daemon.log_level if arguments.command == "daemon" else "warning")
        run: Callable[[argparse.Namespace, Settings], int] = arguments.run
        return run(arguments, settings)
    except UnfailingError as error:
        sys.stderr.write(f"unfailing: {error}\n")
        return error.exit_status
    except KeyboardInterrupt:
        return 1
    except BrokenPipeError:
        # Whoever read standard output has gone: there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parsed(argv: "Sequence[str] | None") -> argparse.Namespace:
    """Take what may be left out (TEXT, ID, CHAT) also after options, where argparse no longer looks for it."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    name, left_out = getattr(arguments, "may_come_late", ("", None))
    if len(rest) == 1 and not rest[0].startswith("-") and name and getattr(arguments, name) == left_out:
        setattr(arguments, name, rest[0])
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def _daemon(_arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.daemon import run_daemon

    return run_daemon(settings)


def _send(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.talk import send

    return send(
        settings, arguments.chat, arguments.text, user_id=arguments.user, files=arguments.file,
        message_id=arguments.message_id, wait_s=arguments.wait, as_json=arguments.json,
    )  # fmt: skip


def _chat(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.talk import chat

    return chat(settings, arguments.chat, user_id=arguments.user)


def _status(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import status

    return status(settings, node=arguments.node, as_json=arguments.json)


def _kill(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import kill

    return kill(settings, arguments.path, node=arguments.node, reason=arguments.reason, as_json=arguments.json)


def _session_show(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import show_one_session

    return show_one_session(settings, arguments.chat, as_json=arguments.json)


def _breaker_list(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import list_breakers

    return list_breakers(settings, as_json=arguments.json)


def _breaker_set(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import set_breaker

    return set_breaker(settings, arguments.name, arguments.what, as_json=arguments.json)


def _node_list(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import list_nodes

    return list_nodes(settings, as_json=arguments.json)


def _node_forgive(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import forgive_node

    return forgive_node(settings, arguments.node, as_json=arguments.json)


def _session_forget(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.operate import forget_session

    return forget_session(settings, arguments.chat, as_json=arguments.json)


def _filter(arguments: argparse.Namespace) -> "dict[str, str]":
    names = ("type", "service", "state", "cause")
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name)}


def _dlq_list(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.dead_letters import list_letters

    return list_letters(settings, _filter(arguments), limit=arguments.limit, as_json=arguments.json)


def _dlq_show(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.dead_letters import show_letter

    return show_letter(settings, arguments.id, as_json=arguments.json)


def _dlq_change(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.dead_letters import change_letters

    order = {"dry_run": arguments.dry_run, "reason": arguments.reason, "by": _login(), "everything": arguments.all}
    chosen = _filter(arguments)
    return change_letters(settings, arguments.what, arguments.id, chosen, order, as_json=arguments.json)


def _dlq_stats(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.dead_letters import show_statistics

    return show_statistics(settings, as_json=arguments.json)


def _doctor(arguments: argparse.Namespace, settings: "Settings") -> int:
    from actors.console.doctor import doctor

    return doctor(settings, as_json=arguments.json)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", metavar="F", help="configuration file (TOML)")
    common.add_argument("--data-dir", metavar="D", help="everything the node keeps (default: var)")
    common.add_argument("--redis-url", metavar="U", help="Redis, Valkey or Cluster; without it the embedded server")
    shown = argparse.ArgumentParser(add_help=False)
    shown.add_argument("--json", action="store_true", help="one JSON object a line, and nothing else")

    parser = argparse.ArgumentParser(prog="run.py", description="The conversational invoice agent that always answers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    daemon = commands.add_parser("daemon", parents=[common], help="run a node until SIGTERM or Ctrl-C")
    daemon.set_defaults(run=_daemon)

    send = commands.add_parser("send", parents=[common, shown], help="send one message and print its replies")
    send.add_argument("chat", metavar="CHAT")
    send.add_argument("text", metavar="TEXT", nargs="?")
    send.add_argument("--user", metavar="U", default=_login())
    send.add_argument("--file", metavar="F", type=Path, action="append", default=[], help="may be given several times")
    send.add_argument("--message-id", metavar="M")
    send.add_argument("--wait", metavar="S", type=_seconds, default=SEND_WAIT_S, help="for the final reply (60)")
    send.set_defaults(run=_send, may_come_late=("text", None))

    chat = commands.add_parser("chat", parents=[common], help="talk in the terminal; files by /file PATH")
    chat.add_argument("chat", metavar="CHAT", nargs="?", default=CHAT)
    chat.add_argument("--user", metavar="U", default=_login())
    chat.set_defaults(run=_chat, may_come_late=("chat", CHAT))

    status = commands.add_parser("status", parents=[common, shown], help="the live tree of every node")
    status.add_argument("--node", metavar="N")
    status.set_defaults(run=_status)

    actor = commands.add_parser("actor", help="drills").add_subparsers(dest="drill", required=True, metavar="DRILL")
    kill = actor.add_parser("kill", parents=[common, shown], help="crash an actor; PATH as status shows it")
    kill.add_argument("path", metavar="PATH")
    kill.add_argument("--node", metavar="N")
    kill.add_argument("--reason", metavar="R", default="drill")
    kill.set_defaults(run=_kill)

    breaker = commands.add_parser("breaker", help="breakers").add_subparsers(dest="what", required=True, metavar="WHAT")
    breaker.add_parser("list", parents=[common, shown], help="all of them").set_defaults(run=_breaker_list)
    for what in ("open", "close", "reset"):
        order = breaker.add_parser(what, parents=[common, shown], help=f"{what} one by its name")
        order.add_argument("name", metavar="NAME")
        order.set_defaults(run=_breaker_set)

    _add_node_commands(commands, common, shown)

    _add_dead_letters(commands.add_parser("dlq", help="dead letters"), common, shown)

    session = commands.add_parser("session", help="sessions").add_subparsers(dest="what", required=True, metavar="WHAT")
    show = session.add_parser("show", parents=[common, shown], help="a session's state")
    show.add_argument("chat", metavar="CHAT")
    show.set_defaults(run=_session_show)
    forget = session.add_parser("forget", parents=[common, shown], help="remove a session from every layer")
    forget.add_argument("chat", metavar="CHAT")
    forget.set_defaults(run=_session_forget)

    doctor = commands.add_parser("doctor", parents=[common, shown], help="check this machine and configuration")
    doctor.set_defaults(run=_doctor)
    return parser


def _add_node_commands(commands: Any, common: argparse.ArgumentParser, shown: argparse.ArgumentParser) -> None:
    """`node list` and `node forgive`."""
    node = commands.add_parser("node", help="nodes").add_subparsers(dest="what", required=True, metavar="WHAT")
    nodes = node.add_parser("list", parents=[common, shown], help="who beats, and whose file a rebuild waits for")
    nodes.set_defaults(run=_node_list)
    forgive = node.add_parser("forgive", parents=[common, shown], help="rebuild the store without a node's file")
    forgive.add_argument("node", metavar="ID")
    forgive.set_defaults(run=_node_forgive)


def _add_dead_letters(
    dlq: argparse.ArgumentParser, common: argparse.ArgumentParser, shown: argparse.ArgumentParser
) -> None:
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument("--type", metavar="T", help="such as effect.webhook, message, input, snapshot")
    chosen.add_argument("--service", metavar="S", help="what the effects of one breaker have in common")
    chosen.add_argument("--state", choices=("queued", "retrying", "dead", "resolved", "discarded"))
    chosen.add_argument("--cause", metavar="C", help="a group's, as `dlq stats` shows it")
    orders = dlq.add_subparsers(dest="what", required=True, metavar="WHAT")
    listed = orders.add_parser("list", parents=[common, shown, chosen], help="all of them, or those of a filter")
    listed.add_argument("--limit", metavar="N", type=int)
    listed.set_defaults(run=_dlq_list)
    show = orders.add_parser("show", parents=[common, shown], help="one, with its attempts")
    show.add_argument("id", metavar="ID")
    show.set_defaults(run=_dlq_show)
    for what, meaning in (("replay", "try again"), ("discard", "let go")):
        order = orders.add_parser(what, parents=[common, shown, chosen], help=f"{meaning}: one, or all of a filter")
        order.add_argument("id", metavar="ID", nargs="?")
        order.add_argument("--all", action="store_true", help="all there are")
        order.add_argument("--dry-run", action="store_true", help="only say which")
        order.add_argument("--reason", metavar="R", default="")
        order.set_defaults(run=_dlq_change, may_come_late=("id", None))
    stats = orders.add_parser("stats", parents=[common, shown], help="counts by state, type and cause")
    stats.set_defaults(run=_dlq_stats)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise argparse.ArgumentTypeError("between 0 and 86400 seconds")
    return seconds


def _login() -> str:
    return os.environ.get("USER") or "terminal"


if __name__ == "__main__":
    sys.exit(main())
