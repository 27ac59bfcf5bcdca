"""Which words people get for an error: the key of a template, and its text."""

from __future__ import annotations

from typing import Final

_BY_CAUSE: Final = {
    "pdf_corrupt": "document_corrupted",
    "not_a_pdf": "document_wrong_type",
    "document_type": "document_wrong_type",
    "pdf_encrypted": "document_encrypted",
    "document_too_large": "document_too_large",
    "ocr_failed": "document_ocr_failed",
    "user_input": "user_input_invalid",
}
_SLOW: Final = frozenset({"timeout", "gateway_timeout", "db_query_timeout", "db_locked"})
_FULL: Final = frozenset({"rate_limit", "overloaded"})

# category: (key, key where it was slow, key where it was full)
_BY_CATEGORY: Final = {
    "AI_MODEL": ("ai_model_unavailable", "ai_model_timeout", "ai_model_rate_limit"),
    "DATABASE": ("database_connection", "database_timeout", "database_connection"),
    "DOCUMENT_PROCESSING": ("document_corrupted",) * 3,
    "WEBHOOK": ("webhook_failed",) * 3,
    "FILE_DOWNLOAD": ("download_failed",) * 3,
    "USER_INPUT": ("user_input_invalid",) * 3,
    "NETWORK": ("network_error",) * 3,
}
_BY_SERVICE: Final = {"sheets": "google_sheets_failed", "converter": "cloudconvert_failed"}


def message_key(category: str, cause: str, service: str) -> str:
    """The template that fits: the cause's own, else the service's, else the category's, else that of recovering."""
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    if service in _BY_SERVICE:
        return _BY_SERVICE[service]
    plain, slow, full = _BY_CATEGORY.get(category, ("recovering",) * 3)
    if cause in _SLOW:
        return slow
    return full if cause in _FULL else plain


def text_of(key: str) -> str:
    """The text of a template; its machinery is loaded when first needed, so that classifying does without it."""
    from messages.user_messages import UserMessageManager

    return UserMessageManager().get_message(key).text
