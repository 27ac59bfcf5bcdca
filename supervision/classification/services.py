"""Rules for the other services: Telegram, Google Sheets, CloudConvert, webhooks, downloads, and any plain HTTP."""

from __future__ import annotations

from typing import Final

from supervision.classification import transport
from supervision.classification.evidence import Evidence
from supervision.classification.transport import contains
from supervision.classification.verdicts import Cause

_BLOCKED: Final = ("bot was blocked", "user is deactivated", "bot was kicked", "can't initiate conversation",
                   "bot is not a member",
                   "blocked by the user", "bots can't send messages", "chat was deleted", "group chat was upgraded",
                   "not enough rights", "have no rights")  # fmt: skip
_GOOGLE_RATE: Final = frozenset({"ratelimitexceeded", "userratelimitexceeded", "rate_limit_exceeded",
                                 "resource_exhausted",
                                 "quotaexceeded"})  # fmt: skip
_GOOGLE_SPENT: Final = frozenset({"dailylimitexceeded", "storagequotaexceeded", "dailylimitexceededunreg",
                                  "teamdrivefilelimitexceeded"})  # fmt: skip
_GRANT: Final = ("invalid_grant", "refresh token", "jwt signature", "invalid_scope", "unauthorized_client",
                 "account not found",
                 "token has been expired", "deleted_client", "invalid_client")  # fmt: skip
_CONCURRENCY: Final = ("too many", "at once", "concurren", "simultaneous", "parallel")
_BANNED: Final = ("being blocked from accessing", "temporarily banned", "banned", "error code: 1015",
                  "blocked temporarily",
                  "exceeding our rate limits frequently")  # fmt: skip
_INPUT_GONE: Final = ("pdf header", "input task has failed", "conversion failed", "could not be converted", "corrupt",
                      "not a valid", "failed to load", "password", "unsupported")  # fmt: skip
_SLACK: Final = frozenset({"invalid_payload", "no_service", "channel_not_found", "channel_is_archived", "no_text",
                           "user_not_found",
                           "action_prohibited", "posting_to_general_channel_denied", "too_many_attachments", "no_team",
                           "invalid_token", "no_active_hooks", "team_disabled"})  # fmt: skip


def cause_of_telegram(found: Evidence) -> Cause:  # noqa: PLR0911 - one line a kind
    """Telegram's bot API answers {"ok": false, "error_code", "description", "parameters"}."""
    status = found.body.status or found.status
    text = found.text
    if contains(text, _BLOCKED):
        return Cause.RECIPIENT_BLOCKED
    if "flood_wait" in text or status in (420, 429) or "retry after" in text:
        return Cause.RATE_LIMIT
    if "message is not modified" in text:
        return Cause.NONE_SUCCESS
    match status:
        case 400:
            if "temporarily unavailable" in text:
                return Cause.OVERLOADED
            if "too big" in text:
                return Cause.DOCUMENT_TOO_LARGE
            return Cause.NOT_FOUND if "not found" in text else Cause.INVALID_REQUEST
        case 409:
            return Cause.CONFLICT
        case 403:
            return Cause.RECIPIENT_BLOCKED
        case _:
            return _by_class_or_way(found)


def cause_of_sheets(found: Evidence) -> Cause:
    """Google's APIs answer {"error": {"code", "status", "errors": [{"reason"}], "details"}}."""
    codes = found.codes
    text = found.text
    if not _GOOGLE_SPENT.isdisjoint(codes):
        return Cause.QUOTA_EXCEEDED
    if found.status == 429 or not _GOOGLE_RATE.isdisjoint(codes):  # noqa: PLR2004
        daily = contains(text, ("per day", "daily")) and not contains(text, ("per minute", "100s", "per 100 seconds"))
        return Cause.QUOTA_EXCEEDED if daily else Cause.RATE_LIMIT
    if contains(text, _GRANT):
        return Cause.AUTH
    return _by_class_or_way(found)


def cause_of_converter(found: Evidence) -> Cause:
    """CloudConvert answers {"message", "code", "errors"}; its clients raise for success codes they do not know."""
    status = found.status
    text = found.text
    if status is not None and status < 300:  # noqa: PLR2004 - the range of successes
        if "unknown http response code" in text:
            return Cause.NONE_SUCCESS
        return Cause.PDF_CORRUPT if contains(text, _INPUT_GONE) else _by_class_or_way(found)
    if status == 402:  # noqa: PLR2004 - also used for too many jobs at a time
        return Cause.RATE_LIMIT if contains(text, _CONCURRENCY) else Cause.QUOTA_EXCEEDED
    if "too many jobs" in text or "rate limit" in text:
        return Cause.RATE_LIMIT
    if contains(text, ("credits", "conversion minutes", "payment required")):
        return Cause.QUOTA_EXCEEDED
    if status is None and contains(text, _INPUT_GONE):
        return Cause.PDF_CORRUPT
    return _by_class_or_way(found)


def cause_of_webhook(found: Evidence) -> Cause:
    """A receiver of ours: what it says, whether it is there, whether it has banned us."""
    text = found.text
    if (
        contains(text, _BANNED)
        and found.wait_s is None
        and found.body.wait_s is None
        and "retry-after" not in found.headers
    ):
        return Cause.BANNED_FOR_NOW
    words = frozenset(text.split()[:8]) | found.codes
    if not _SLACK.isdisjoint(words):
        return Cause.INVALID_REQUEST
    if "unknown webhook" in text or "code:10015" in found.codes:
        return Cause.NOT_FOUND
    return _by_class_or_way(found)


def cause_of_http(found: Evidence) -> Cause:
    """Any other HTTP service, a download among them."""
    return _by_class_or_way(found)


def _by_class_or_way(found: Evidence) -> Cause:
    for facts in (*found.facts, *found.named):
        if facts.cause is not None and not facts.vague and facts.cause is not Cause.CANCELLED:
            return facts.cause
    status = found.status
    by_status = transport.cause_of_status(found)
    if by_status is not None and status is not None and status >= 400:  # noqa: PLR2004
        if status == 403 and "rate limit" in found.text:  # noqa: PLR2004 - GitHub and others
            return Cause.RATE_LIMIT
        return by_status
    way = transport.cause_on_the_way(found) or transport.cause_in_prose(found.text)
    if way is not None:
        return way
    if contains(found.text, ("rate limit", "too many requests")):
        return Cause.RATE_LIMIT
    if "<html" in found.text or "<!doctype" in found.text:
        return Cause.INVALID_RESPONSE
    vague = next((facts.cause for facts in (*found.facts, *found.named) if facts.cause is not None), None)
    if vague is None and status is None:
        # No service has answered: what is left is this machine, such as the disk of a file kept in a service's place.
        return transport.cause_of_machine(found) or Cause.UNKNOWN
    return vague or Cause.INVALID_RESPONSE
