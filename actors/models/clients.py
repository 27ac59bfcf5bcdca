"""openai clients for the callers, each shared by a few calls at once.

One client scans its pool for every call, which is quadratic in concurrent calls (measured: 1,000 one-second calls took
12.9 s with one client, half that with 64), and making one costs tens of milliseconds unless they share a TLS context.
The package takes a second to import, so nobody imports it before there is a model to ask.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from actors.settings import read_secret

if TYPE_CHECKING:
    from actors.settings import ModelSettings

CALLS_PER_CLIENT_MAX: Final = 8
CONNECT_S: Final = 5.0
# The package wants a key also where the server wants none.
NO_KEY: Final = "none"


@dataclass(eq=False, slots=True)
class Lent:
    """A client and how many calls it carries."""

    client: Any
    calls: int = 0


class ClientPool:
    """The clients of one model."""

    def __init__(self, settings: ModelSettings) -> None:
        """Nothing is imported or made before `prepare` or the first `borrow`."""
        self._settings = settings
        self._lent: list[Lent] = []
        self._context: Any = None

    def prepare(self) -> None:
        """Make the first client; takes a second, so run it in a native thread."""
        if not self._lent:
            self._lent.append(Lent(self._made()))

    def borrow(self) -> Lent:
        """A client with room for one more call; give it back."""
        for lent in self._lent:
            if lent.calls < CALLS_PER_CLIENT_MAX:
                lent.calls += 1
                return lent
        lent = Lent(self._made(), 1)
        self._lent.append(lent)
        return lent

    def give_back(self, lent: Lent) -> None:
        """The call is over."""
        lent.calls -= 1

    def close(self) -> None:
        """Hang up."""
        for lent in self._lent:
            lent.client.close()
        self._lent.clear()

    def _made(self) -> Any:
        import ssl

        import httpx2
        from openai import OpenAI

        if self._context is None:
            self._context = ssl.create_default_context()
        settings = self._settings
        timeout = httpx2.Timeout(settings.timeout_s, connect=CONNECT_S)
        return OpenAI(
            api_key=read_secret(settings.api_key_env, os.environ) or NO_KEY,
            base_url=settings.base_url,
            max_retries=0,
            http_client=httpx2.Client(verify=self._context, timeout=timeout),
        )
