"""The work as a dramatiq actor on its Redis broker, with everything else as dramatiq has it by itself.

    BENCH_SOCKET=... python -m bench.peers.dramatiq_work COUNT CHATS    sends, as bench.producer does

A message's work writes what a turn writes, in one pipeline: snapshot, turn, reply, publication. There is no order
within a chat, no check for repetitions and no fence, which dramatiq does not have.
"""

import json
import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

SOCKET = os.environ["BENCH_SOCKET"]
SNAPSHOT = b"s" * 1024

client = Redis(unix_socket_path=SOCKET)
dramatiq.set_broker(RedisBroker(url=f"unix://{SOCKET}", namespace="bench:dramatiq"))  # type: ignore[no-untyped-call]


@dramatiq.actor(max_retries=0)
def answer(chat: str, message_id: str, text: str) -> None:
    """Answer one message."""
    body = json.dumps({"message_id": message_id, "chat_id": chat, "kind": "final", "text": text * 8})
    pipe = client.pipeline(transaction=True)
    pipe.hset(f"bench:dramatiq:head:{chat}", mapping={"s": SNAPSHOT})
    pipe.hincrby(f"bench:dramatiq:head:{chat}", "t", 1)
    pipe.xadd(f"bench:dramatiq:replies:{chat}", {"r": body}, maxlen=1000)
    pipe.publish(f"bench:dramatiq:{chat}", body)
    pipe.execute()


def main(count: str, chats: str) -> None:
    """Send, as bench.producer does."""
    client.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    began_s = time.perf_counter()
    for number in range(int(count)):
        answer.send(f"chat-{number % int(chats)}", f"m-{number}", "Hello")
    print(time.perf_counter() - began_s, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
