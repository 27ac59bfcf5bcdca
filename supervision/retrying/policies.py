"""The named policies: upper bounds for kinds of calls, each a mapping for the decorators."""

from __future__ import annotations

from typing import TypedDict


class PolicySettings(TypedDict):
    """Keyword arguments of `retry` and `async_retry`; add to them or override them with `{**policy, ...}`."""

    policy: str
    max_retries: int
    min_delay_s: float
    max_delay_s: float


class RetryPolicies:
    """`@async_retry(**RetryPolicies.ai_model_policy())`."""

    @staticmethod
    def ai_model_policy() -> PolicySettings:
        """Models: 5 retries, 1 to 30 s."""
        return PolicySettings(policy="ai_model", max_retries=5, min_delay_s=1.0, max_delay_s=30.0)

    @staticmethod
    def database_policy() -> PolicySettings:
        """Databases and Redis: 5 retries, 0.5 to 20 s."""
        return PolicySettings(policy="database", max_retries=5, min_delay_s=0.5, max_delay_s=20.0)

    @staticmethod
    def network_policy() -> PolicySettings:
        """Any network call: 5 retries, 1 to 60 s."""
        return PolicySettings(policy="network", max_retries=5, min_delay_s=1.0, max_delay_s=60.0)

    @staticmethod
    def file_download_policy() -> PolicySettings:
        """Downloads: 3 retries, 2 to 30 s."""
        return PolicySettings(policy="file_download", max_retries=3, min_delay_s=2.0, max_delay_s=30.0)

    @staticmethod
    def webhook_policy() -> PolicySettings:
        """Webhooks: 3 retries, 5 to 60 s."""
        return PolicySettings(policy="webhook", max_retries=3, min_delay_s=5.0, max_delay_s=60.0)
