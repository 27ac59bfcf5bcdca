"""The least that keeps a message, a snapshot and an acknowledgement: three commands each, by redis-py, in pipelines.

No reading, no actor, no reply, no fence. XACK finds nothing to acknowledge, the cheapest it can be: this is bare at its
fastest, in the one process that also makes the messages.
"""

import time

from redis import Redis

from bench.deployment import message

BATCH = 256
STREAM = "bench:bare:intake"
SNAPSHOT = b"s" * 1024


def run(client: Redis, count: int, chats: int) -> float:
    """Messages a second of `count` messages of `chats` chats. Leaves nothing in the store."""
    bodies = [message(f"chat-{number % chats}", f"bare-{number}") for number in range(count)]
    client.xgroup_create(STREAM, "bench", mkstream=True)
    last_id: bytes = b"0-1"
    began_s = time.perf_counter()
    for start in range(0, count, BATCH):
        pipe = client.pipeline(transaction=False)
        for number, body in enumerate(bodies[start : start + BATCH], start):
            pipe.xadd(STREAM, {"m": body})
            pipe.set(f"bench:bare:snapshot:{number % chats}", SNAPSHOT)
            pipe.xack(STREAM, "bench", last_id)
        last_id = pipe.execute()[-3]
    took_s = time.perf_counter() - began_s
    client.delete(STREAM, *(f"bench:bare:snapshot:{number}" for number in range(chats)))
    return count / took_s
