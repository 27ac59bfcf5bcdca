"""The suite runs on the runtime that ships: patched before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402 - after the patch, on purpose


def _keep_the_hub_alive() -> None:
    """An xdist worker's main greenlet waits on a patched lock: with no other event the hub would raise LoopExit."""
    while True:
        gevent.sleep(3600)


gevent.spawn(_keep_the_hub_alive)
