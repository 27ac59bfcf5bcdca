"""Attachments that came as an address: fetched within limits, kept in the blob store, then read like any other.

A fault that passes is retried, from where the transfer broke; a server that keeps failing is left alone by its
breaker. What cannot be had in the end is a kind word that asks for the file itself.
"""

from __future__ import annotations

from actors.download.actor import Downloader, FetchFile, breakers_of, supervised
from actors.download.fetching import Fetched

__all__ = ["Downloader", "FetchFile", "Fetched", "breakers_of", "supervised"]
