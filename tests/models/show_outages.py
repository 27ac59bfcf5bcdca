"""What people get when models fail: run by hand, it prints its counts and fails on a broken promise.

python tests/models/show_outages.py outages [--messages 1000]   random outages of all tiers
python tests/models/show_outages.py hang    [--messages 1000]   every tier hangs, 50 messages a second
python tests/models/show_outages.py load    [--messages 400]    four nodes, the provider fails altogether
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from daemon_under_test import DaemonUnderTest, short_folder, store_client, wait_for
from models.model_server import ModelServer, model_server

PARTITIONS = 16
TIERS = ("primary", "secondary", "tertiary")
WORDS = "should I be worried about any of it?"


@dataclass
class Sent:
    """What was sent when, and what came back."""

    at_s: dict[str, float] = field(default_factory=dict)
    finals: dict[str, dict[str, Any]] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)
    twice: int = 0


def settings(servers: list[ModelServer], **more: object) -> dict[str, object]:
    """A model on each server, a tier each."""
    given: dict[str, object] = dict(more)
    for number, (tier, server) in enumerate(zip(TIERS, servers, strict=False)):
        given |= {
            f"MODELS__{number}__NAME": f"model-{tier}", f"MODELS__{number}__TIER": tier,
            f"MODELS__{number}__BASE_URL": server.base_url, f"MODELS__{number}__API_KEY_ENV": "",
            f"MODELS__{number}__ACCOUNT": tier,
        }  # fmt: skip
    return given


def send(client: Any, count: int, rate: float, sent: Sent) -> Iterator[int]:
    """Append messages of as many chats to the front stream, at a rate; yields after each."""
    began_s = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began_s + number / rate - time.monotonic()))
        message_id = f"m-{number}"
        message = {"message_id": message_id, "chat_id": f"chat-{number}", "user_id": "u", "text": WORDS}
        sent.at_s[message_id] = time.monotonic()
        client.xadd("unfailing:intake", {"m": json.dumps(message)})
        collect(client, sent)
        yield number


def listen(client: Any) -> Any:
    """A subscription to every reply."""
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("unfailing:replies:*")
    return listener


def collect(client: Any, sent: Sent) -> None:
    """Take what has been published so far."""
    listener = client.listener
    while (heard := listener.get_message(timeout=0.0)) is not None:
        reply = json.loads(heard["data"])
        if reply["kind"] != "final":
            continue
        message_id = reply["message_id"]
        if message_id in sent.finals:
            sent.twice += sent.finals[message_id]["reply_id"] != reply["reply_id"]
            continue
        sent.finals[message_id] = reply
        sent.took_s[message_id] = time.monotonic() - sent.at_s[message_id]


@contextmanager
def deployment(tiers: int) -> Iterator[tuple[list[ModelServer], Path]]:
    """So many model servers, and a folder."""
    with ExitStack() as stack:
        servers = [stack.enter_context(model_server()) for _ in range(tiers)]
        yield servers, stack.enter_context(short_folder())


def say(line: str) -> None:
    """To the person who ran this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def report(sent: Sent, hard_s: float) -> int:
    """Print the counts; 1 when a final is missing, late or double."""
    took = sorted(sent.took_s.values())
    late = sum(seconds > hard_s for seconds in took)
    missing = len(sent.at_s) - len(took)
    say(f"messages {len(sent.at_s)}, finals {len(took)}, missing {missing}, late {late}, double {sent.twice}")
    for who, count in Counter(reply["answered_by"] for reply in sent.finals.values()).most_common():
        say(f"  answered by {who:<10} {count:>5}  {100 * count / len(took):5.1f} %")
    for upper in (0.1, 0.5, 1, 2, 5, 10, 15, 20, 25, 26, 27, 28, 29, hard_s):
        say(f"  within {upper:>5} s {sum(seconds <= upper for seconds in took):>6}")
    if took:
        say(f"  slowest {took[-1]:.2f} s")
    return 1 if missing or late or sent.twice else 0


def outages(count: int) -> int:
    """Every tier goes and comes at random. Breakers look again after two seconds, as the outages are short."""
    chance = random.Random(7)
    faults = (
        {"type": "fail", "status": 503}, {"type": "fail", "status": 500},
        {"type": "fail", "status": 429, "retry_after": 2},
        {"type": "delay", "seconds": 40}, {"type": "reply", "text": "cut", "finish_reason": "length"},
    )  # fmt: skip
    sent = Sent()
    with (
        deployment(3) as (servers, folder),
        DaemonUnderTest(folder, **settings(servers, BREAKERS__AI_MODEL__RECOVERY_TIMEOUT_S=2)),
        store_client(folder) as client,
    ):
        client.listener = listen(client)
        for number in send(client, count, 20.0, sent):
            if number % 80 == 0:
                for server in servers:
                    server.reset()
                    well = {"type": "reply", "text": "That looks fine to me."}
                    server.expect({**(chance.choice(faults) if chance.random() < 0.5 else well), "times": None})
        wait_for(lambda: collect(client, sent) or len(sent.finals) == count, "the last final", 60.0, 0.05)
        return report(sent, 30.0)


def hang(count: int) -> int:
    """Every tier accepts and says nothing."""
    sent = Sent()
    with (
        deployment(3) as (servers, folder),
        DaemonUnderTest(folder, **settings(servers)),
        store_client(folder) as client,
    ):
        for server in servers:
            server.expect({"type": "delay", "seconds": 120, "times": None})
        client.listener = listen(client)
        for _ in send(client, count, 50.0, sent):
            pass
        wait_for(lambda: collect(client, sent) or len(sent.finals) == count, "the last final", 60.0, 0.05)
        return report(sent, 30.0)


def load(count: int) -> int:
    """Four nodes share an account whose provider fails: what retries add to its load."""
    sent = Sent()
    with ExitStack() as stack:
        servers, folder = stack.enter_context(deployment(1))
        store = stack.enter_context(DaemonUnderTest(folder, **settings(servers)))
        url = f"unix://{folder / 'valkey.sock'}"
        for _ in range(3):
            other = stack.enter_context(short_folder())
            stack.enter_context(DaemonUnderTest(other, **settings(servers, DAEMON__REDIS_URL=url)))
        client = stack.enter_context(store.client())
        servers[0].expect({"type": "fail", "status": 503, "times": None})
        wait_for(lambda: len(store.status()["partitions"]) == PARTITIONS // 4, "the partitions to be shared", 20.0)
        client.listener = listen(client)
        for _ in send(client, count, 25.0, sent):
            pass
        wait_for(lambda: collect(client, sent) or len(sent.finals) == count, "the last final", 60.0, 0.05)
        asked = servers[0].requests()
        say(f"requests at the provider {asked} for {count} messages: {100 * asked / count:.1f} %, goal at most 110 %")
        return report(sent, 30.0) or int(asked > 1.1 * count)


def main() -> int:
    """Run what was named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("outages", "hang", "load"))
    parser.add_argument("--messages", type=int, default=1000)
    arguments = parser.parse_args()
    return {"outages": outages, "hang": hang, "load": load}[arguments.what](arguments.messages)


if __name__ == "__main__":
    sys.exit(main())
