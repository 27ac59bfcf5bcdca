"""Signatures by the Standard Webhooks scheme, version 1: HMAC-SHA256 over id, timestamp and body. Pure.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

PREFIX: Final = "whsec_"


def signing_key(secret: str) -> bytes:
    """The key in a secret, `whsec_` and base64. Raises ValueError, without the secret in it, when it holds none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the webhook's secret is not `whsec_` and base64") from None
    if not key:
        raise ValueError("the webhook's secret is empty")
    return key


def signature(key: bytes, event_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = hmac.digest(key, f"{event_id}.{timestamp_s}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"
