"""The same work as dramatiq messages: one INCR each. Retries are dramatiq's own; what waits again stands in its queue.

BENCH_SOCKET=... python -m bench.peers.dramatiq_letters COUNT    has so many wait
"""

import os
import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

SOCKET = os.environ["BENCH_SOCKET"]
DONE = "bench:dramatiq:done"
PAYLOAD = {"number": "2026-031", "seller": "ACME GmbH", "gross": "1190.00", "text": "x" * 100}

client = Redis(unix_socket_path=SOCKET)
dramatiq.set_broker(RedisBroker(url=f"unix://{SOCKET}", namespace="bench:dramatiq-letters"))  # type: ignore[no-untyped-call]


@dramatiq.actor(max_retries=3)
def done(_payload: dict[str, str]) -> None:
    """A message."""
    client.incr(DONE)


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        done.send(PAYLOAD)
