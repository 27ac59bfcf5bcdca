"""Error classification: what went wrong, whose failure it is, whether the same request can succeed, and what to do.

    from supervision.error_classification import error_classifier

    verdict = error_classifier.classify(error)
    if verdict.is_retryable: ...

Nothing here imports the libraries whose errors it knows, reads a clock of its own, or ever raises.
"""

from __future__ import annotations

from typing import Final

from supervision.classification.classifier import ErrorClassifier, Rule
from supervision.classification.evidence import Evidence
from supervision.classification.names import Domain
from supervision.classification.verdicts import (
    RETRYABLE_WAIT_S_MAX,
    Cause,
    ClassifiedError,
    ErrorCategory,
    ErrorSeverity,
    RecoveryAction,
    redacted,
)

error_classifier: Final = ErrorClassifier()
"""Ready to use; shared by everything in this process that does not bring its own."""

__all__ = [
    "RETRYABLE_WAIT_S_MAX",
    "Cause",
    "ClassifiedError",
    "Domain",
    "ErrorCategory",
    "ErrorClassifier",
    "ErrorSeverity",
    "Evidence",
    "RecoveryAction",
    "Rule",
    "error_classifier",
    "redacted",
]
