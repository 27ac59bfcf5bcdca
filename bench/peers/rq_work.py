"""The same work as RQ jobs: one INCR each, in workers that do not fork, which is RQ's faster way.

    BENCH_SOCKET=... python -m bench.peers.rq_work fill COUNT    has so many wait
    BENCH_SOCKET=... python -m bench.peers.rq_work work          one worker, until it is ended

A job that waits again after its failure (`FailedJobRegistry.requeue`) stands in the queue as these do.
"""

import os
import sys

from redis import Redis
from rq import Queue, SimpleWorker

DONE = "bench:rq:done"
PAYLOAD = {"number": "2026-031", "seller": "ACME GmbH", "gross": "1190.00", "text": "x" * 100}

client = Redis(unix_socket_path=os.environ["BENCH_SOCKET"])


def done(_payload: dict[str, str]) -> None:
    """A job."""
    client.incr(DONE)


def fill(count: int) -> None:
    """In pipelines, as RQ offers it."""
    queue = Queue("bench", connection=client)
    for start in range(0, count, 500):
        many = min(500, count - start)
        jobs = [Queue.prepare_data("bench.peers.rq_work.done", (PAYLOAD,)) for _ in range(many)]
        queue.enqueue_many(jobs)


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        SimpleWorker([Queue("bench", connection=client)], connection=client).work(logging_level="ERROR")
