"""Rules for models, hosted and local.

OpenAI, Azure, Anthropic, Gemini and Vertex, Mistral, Groq, Cohere, OpenRouter, DeepSeek, Bedrock, LiteLLM, and the
servers that speak their dialects (vLLM, TGI, Ollama, llama.cpp).

Machine words come first, in the order in which they outrank one another; then sentences that no machine word covers;
then classes; then the status. The same status or sentence may mean opposite things, so neither decides alone.
"""

from __future__ import annotations

import re
from typing import Final

from supervision.classification import transport
from supervision.classification.evidence import Evidence
from supervision.classification.transport import contains
from supervision.classification.verdicts import Cause

_QUOTA: Final = frozenset({
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error", "quota_exceeded",
    "insufficient_balance", "insufficient_credits", "insufficient_credit", "payment_required",
    "exceeded_current_quota_error",
    "arrearage", "account_overdue", "credit_balance_too_low", "insufficient_user_quota", "credits_exhausted",
    "servicequotaexceededexception", "dailylimitexceeded", "quotaexceeded", "free_tier_exhausted",
    "usage_limit_reached",
    "usage_limit_exceeded", "insufficient_funds", "spend_limit_exceeded", "quota_limit_exceeded", "openrouter_credits",
    "insufficientquota", "balance_not_enough", "code:402", "error_code:402",
})  # fmt: skip
_BUDGET: Final = frozenset({"budget_exceeded", "budgetexceedederror", "max_budget_exceeded", "budget_limit_exceeded"})
_CONTENT: Final = frozenset({
    "content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked", "safety",
    "prohibited_content", "data_inspection_failed", "datainspectionfailed", "contentpolicyviolationerror", "blocklist",
    "content_filtered", "recitation", "image_safety", "cyber_policy_violation", "content_policy", "spii", "refusal",
    "contentfilter", "guardrail_intervened", "sensitive", "content_moderation", "new_sensitive", "moderation_error",
    "contentfilterfinishreasonerror", "safety_violation", "policy_violation",
})  # fmt: skip
_CONTEXT: Final = frozenset({
    "context_length_exceeded", "exceed_context_size_error", "string_above_max_length", "contextwindowexceedederror",
    "context_window_exceeded", "model_context_window_exceeded", "max_tokens_exceeded", "prompt_too_long",
    "context_limit_exceeded", "input_too_long", "context_overflow", "range_of_input_length_should_be",
    "model_max_prompt_tokens_exceeded",
})  # fmt: skip
_TOO_LARGE: Final = frozenset(
    {"request_too_large", "payload_too_large", "request_entity_too_large", "content_too_large"}
)
_NO_MODEL: Final = frozenset({
    "model_not_found", "deploymentnotfound", "model_not_available", "model_decommissioned", "model_deprecated",
    "modelnotfound", "unknown_model", "model_not_supported", "modelnotsupported", "invalid_model", "model_removed",
    "model_not_exist", "model_terms_required", "unsupported_model", "model_not_found_error",
    "inference_endpoint_not_found",
    "resourcenotfoundexception", "not_found_error", "notfounderror", "modelnotexist", "invalidendpointormodel.notfound",
    "unavailable_model", "unknownmodelerror",
})  # fmt: skip
_AUTH: Final = frozenset({
    "invalid_api_key", "authentication_error", "unauthenticated", "invalid_authentication", "account_deactivated",
    "invalid_organization", "api_key_invalid", "api_key_expired", "missing_api_key", "unauthorized", "invalidapikey",
    "unrecognizedclientexception", "expiredtokenexception", "invalidsignatureexception", "access_token_expired",
    "authenticationerror", "invalid_token", "token_expired", "expired_token", "invalid_authentication_error",
    "incorrect_api_key", "invalid_request_authentication", "missing_authentication", "mismatched_organization",
    "key_disabled", "no_api_key", "access_terminated", "invalid_auth", "auth_error", "ip_not_authorized",
    "incompletesignature", "missingauthenticationtoken", "invalidclienttokenid", "signaturedoesnotmatch", "no_auth",
})  # fmt: skip
_PERMISSION: Final = frozenset({
    "permission_error", "permission_denied", "unsupported_country_region_territory", "accessdeniedexception",
    "access_denied", "forbidden", "insufficient_permissions", "permissiondeniederror", "user_location_not_supported",
    "accessdenied", "operation_not_supported", "service_disabled", "consumer_suspended", "permissiondenied",
    "access_not_configured", "request_forbidden", "organization_restricted", "consumer_invalid", "permission",
})  # fmt: skip
_OUTPUT: Final = frozenset({"tool_use_failed", "json_validate_failed", "output_parse_failed", "invalid_json_output"})
_OVERLOADED: Final = frozenset({
    "overloaded_error", "overloaded", "engine_overloaded", "engine_overloaded_error", "server_overloaded",
    "serviceunavailableexception", "service_unavailable", "unavailable", "capacity_exceeded", "modelnotreadyexception",
    "unavailable_error", "service_unavailable_error", "slow_down", "server_busy", "overloadederror", "model_overloaded",
    "serviceunavailableerror", "serviceunavailable", "capacity", "resource_busy", "no_capacity", "model_not_ready",
    "service_tier_capacity_exceeded", "temporarily_unavailable", "modelerrorexception", "overload",
})  # fmt: skip
_RATE: Final = frozenset({
    "rate_limit_error", "rate_limit_exceeded", "throttling_error", "throttlingexception", "rate_limited",
    "too_many_requests", "resource_exhausted", "rate_limit_reached_error", "throttling", "toomanyrequestsexception",
    "toomanyrequests", "ratelimitexceeded", "rate_limit", "ratelimitreached", "throttling.ratequota", "limit_requests",
    "userratelimitexceeded", "limit_burst_rate", "rate_limit_exceeded_error", "tokens_exceeded", "concurrency_limit",
    "ratelimited", "tpm_limit_exceeded", "rpm_limit_exceeded", "throttled", "provisionedthroughputexceededexception",
})  # fmt: skip
_TIMEOUT: Final = frozenset({"timeout", "timeout_error", "deadline_exceeded", "modeltimeoutexception",
                             "request_timeout",
                             "gateway_timeout", "upstream_timeout", "apitimeouterror"})  # fmt: skip
_SERVER: Final = frozenset({"server_error", "api_error", "internal_error", "internal_server_error", "internal",
                            "internalserverexception", "internalservererror", "bad_gateway", "provider_error",
                            "upstream_error", "proxy_error", "model_stream_error_exception",
                            "enginedeaderror"})  # fmt: skip
_REQUEST: Final = frozenset({
    "invalid_request_error", "badrequesterror", "invalid_argument", "validationexception", "unprocessable_entity",
    "invalid_type", "unsupported_parameter", "unsupported_value", "invalid_value", "invalid_request", "bad_request",
    "invalid_base64", "invalid_image", "unprocessableentityerror", "missing_required_parameter", "unknown_parameter",
    "invalid_function_parameters", "invalid_json", "invalid_prompt_format", "validation_error", "badrequest",
    "invalid_parameter", "invalidparameter", "invalid_request_message_order", "failed_precondition", "out_of_range",
})  # fmt: skip

# In the order in which one outranks another where several are present.
_BY_CODE: Final = (
    (_QUOTA, Cause.QUOTA_EXCEEDED), (_BUDGET, Cause.BUDGET_EXCEEDED), (_CONTENT, Cause.CONTENT_FILTER),
    (_CONTEXT, Cause.CONTEXT_LENGTH), (_TOO_LARGE, Cause.REQUEST_TOO_LARGE), (_OUTPUT, Cause.INVALID_MODEL_OUTPUT),
    (_RATE, Cause.RATE_LIMIT), (_AUTH, Cause.AUTH), (_NO_MODEL, Cause.MODEL_NOT_FOUND), (_PERMISSION, Cause.PERMISSION),
    (_OVERLOADED, Cause.OVERLOADED), (_TIMEOUT, Cause.TIMEOUT),
)  # fmt: skip

_QUOTA_PROSE: Final = (
    "exceeded your current quota", "insufficient_quota", "plan and billing", "credit balance", "insufficient credit",
    "insufficient balance", "insufficient fund", "more credits", "can only afford", "usage limit", "spending limit",
    "spend limit",
    "monthly limit", "hard limit", "out of credits", "no credits", "quota has been exhausted", "payment required",
    "calls / month", "calls/month", "per month", "exceeded your monthly", "not enough credit", "not enough balance",
    "arrears", "overdue", "exceeded your quota", "free tier has been exhausted", "run out of", "ran out of",
    "recharge", "top up", "billing hard limit", "credit limit", "free quota", "account balance",
    "monthly included credits",
    "weekly limit", "subscription has expired", "is not active, please check your billing", "exhausted your",
    "monthly spend", "prepaid credits", "depleted", "余额不足", "欠费",
)  # fmt: skip
_BUDGET_PROSE: Final = ("budget has been exceeded", "exceeded budget", "crossed budget", "max budget", "over budget",
                        "exceededbudget", "budget exceeded")  # fmt: skip
_CONTEXT_PROSE: Final = (
    "maximum context", "context length", "context window", "context limit", "context size", "available context",
    "prompt is too long", "input is too long", "too many input tokens", "input token count",
    "maximum number of tokens", "reduce the length", "max_new_tokens", "too long for requested model", "max_model_len",
    "prompt too long", "tokens you requested exceed", "input length", "longer than the model",
    "exceeds the model's max",
    "maximum prompt length", "prompt tokens exceed", "maximum input length", "prompt exceeds", "input tokens exceed",
    "reduce your prompt", "maximum allowed number of", "exceeds maximum length", "too large for model with",
    "input exceeds", "must have less than", "total number of tokens", "prompt contains too many tokens",
    "longest model", "exceed the limit of", "string too long", "maximum allowed input", "exceeds the limit of",
)  # fmt: skip
_CONTENT_PROSE: Final = (
    "content management policy", "content filter", "content policy", "content_policy", "safety system", "flagged",
    "responsible ai", "usage policies", "usage policy", "usage guidelines", "filtering policy", "prohibited content",
    "blocked due to safety", "inappropriate content", "violating our", "moderation", "blocked by", "safety settings",
    "was filtered", "sensitive words", "sensitive content", "safety filter", "acceptable use",
)  # fmt: skip
_AUTH_PROSE: Final = (
    "incorrect api key", "invalid api key", "api key not valid", "x-api-key", "api key expired", "api key not found",
    "no auth credentials", "no api key", "not authenticated", "provide an api key", "unauthorized", "invalid token",
    "expired token", "token expired", "user not found", "invalid authentication", "authentication fail",
    "api_key client option",
    "missing authentication", "api key is invalid", "invalid_api_key", "access token", "security token", "signature we",
    "api key is missing", "api key has been", "api key provided", "account has been deactivated",
    "organization has been disabled",
    "member of an organization", "key is disabled", "not authorized", "deactivated", "invalid bearer",
    "unable to locate credentials",
    "invalid username or password", "jwt", "wrong api key", "api key doesn't", "auth token",
)  # fmt: skip
_NO_MODEL_PROSE: Final = (
    "does not exist", "not found", "no longer", "deprecated", "decommissioned", "not a valid model",
    "unsupported model",
    "unknown model", "not exist", "retired", "has been removed", "no endpoints found", "try pulling",
    "is not available",
    "do not have access", "doesn't exist", "not supported", "isn't supported", "sunset", "discontinued",

    "invalid model", "model identifier is invalid", "not deployed", "has been shut down", "end of life",
    "no such model",
)  # fmt: skip
_MEMORY_PROSE: Final = (
    "more system memory",
    "cuda out of memory",
    "out of memory",
    "insufficient memory",
    "unable to allocate",
    "not enough memory",
    "failed to allocate",
    "cudamalloc",
    "not enough vram",
    "more gpu memory",
)
_CANNOT_LOAD: Final = ("unable to load model", "unknown model architecture", "failed to load model",
                       "invalid model file",
                       "error loading model", "unsupported model architecture", "invalid file magic")  # fmt: skip
_OVERLOADED_PROSE: Final = (
    "overloaded", "high demand", "at capacity", "server busy", "server is busy", "temporarily unavailable",
    "currently loading",
    "loading model", "model is loading", "capacity exceeded", "unavailable", "high load", "system is busy",
    "experiencing high",
    "try again later", "maximum pending requests", "heavy load", "under maintenance", "over capacity", "no capacity",
    "currently busy", "no available", "try again in a few", "scaling up", "cold start", "not ready", "queue is full",
    "too busy",
)  # fmt: skip
_RATE_PROSE: Final = (
    "rate limit", "rate_limit", "ratelimit", "too many requests", "throttl", "requests per min", "tokens per min",
    "quota",
    "slow down", "too many tokens", "concurren", "no deployments available", "request limit", "resource exhausted",
    "resource has been exhausted", "too quickly", "too many connections", "being rate limited", "rate-limit",
    "call frequency",
    "per minute", "too frequently", "try again in", "please wait",
)  # fmt: skip
_EMPTY_PROSE: Final = (
    "empty response",
    "empty choices",
    "no choices",
    "choices is none",
    "choices is null",
    "returned ''",
    "nonetype",
    "list index out of range",
    "no content",
    "empty answer",
    "empty completion",
    "null content",
    "choices: null",
    "empty message",
    "no response",
    "returned none",
    "returned empty",
    "choices=none",
)
_SHAPE_PROSE: Final = ("'str' object has no attribute", "expecting value", "jsondecode", "unterminated string",
                       "invalid json",
                       "extra data", "<html", "<!doctype", "not valid json", "invalid response", "unexpected token",
                       "malformed", "invalid control character", "unexpected character", "failed to parse",
                       "object has no attribute",
                       "unexpected end of json", "expecting property name", "invalid \\escape",
                       "delimiter")  # fmt: skip
_DAILY: Final = ("per day", "/day", "perday", "per-day", "daily", "(rpd)", "(tpd)", "per month", "per_day", "per week",
                 "perweek", "permonth", "weekly", "monthly", "/ month", "24 hours")  # fmt: skip
_MINUTELY: Final = ("perminute", "per_minute", "per minute", "persecond", "per_second", "/min", "per min", "per-min")

_URL: Final = re.compile(r"https?://\S+")
_LIMITS: Final = re.compile(r"limit:? ?([\d,]{1,12})\b.{0,40}?requested:?\s{1,2}([\d,]{1,12})\b", re.DOTALL)
_USED: Final = re.compile(r"\bused:? ?[\d,]+")


def cause_of_model(found: Evidence) -> Cause:
    """Why a model did not answer."""
    text = _URL.sub(" ", found.text) if "://" in found.text else found.text
    coded = _by_code(found.codes)
    if coded is Cause.RATE_LIMIT:
        return _kind_of_rate_limit(found, text)
    if coded is not None and not _contradicted(coded, found, text):
        return coded
    return (
        _on_the_way(found)
        or _by_prose(found, text)
        or _by_class(found, text)
        or _by_status(found, text)
        or transport.cause_in_prose(text)
        or _by_weak_code(found.codes)
        or _when_answered(found)
    )


def _by_code(codes: frozenset[str]) -> Cause | None:
    return next((cause for words, cause in _BY_CODE if not words.isdisjoint(codes)), None)


def _contradicted(cause: Cause, found: Evidence, text: str) -> bool:
    """Words that are often only a label: a 403 of a permission may be a spent credit, a 402 a lack of memory."""
    if cause in (Cause.PERMISSION, Cause.AUTH, Cause.OVERLOADED, Cause.TIMEOUT):
        return contains(text, _QUOTA_PROSE[:12]) or contains(text, _CONTENT_PROSE[:4])
    if cause is Cause.CONTENT_FILTER:
        # "safety" and the like also name settings; a filter answers with a 4xx or inside a stream
        return found.status is not None and found.status in (401, 429)
    return False


def _kind_of_rate_limit(found: Evidence, text: str) -> Cause:
    """A 429 may be a wait, a spent allowance, or a request that can never fit."""
    if _never_fits(text):
        return Cause.REQUEST_TOO_LARGE
    if contains(text, _BUDGET_PROSE):
        return Cause.BUDGET_EXCEEDED
    codes = " ".join(found.codes)
    if contains(codes, ("perday", "permonth", "per_day")):
        return Cause.QUOTA_EXCEEDED
    if contains(codes, ("perminute", "persecond", "per_minute")):
        return Cause.RATE_LIMIT
    says_wait = found.wait_s is not None or found.body.wait_s is not None or "again in" in text or "retry after" in text
    if contains(text, _DAILY) and not says_wait and not contains(text, _MINUTELY):
        return Cause.QUOTA_EXCEEDED
    if contains(text, _QUOTA_PROSE) and not (says_wait and "current quota" in text) and not contains(text, _MINUTELY):
        return Cause.QUOTA_EXCEEDED
    return Cause.RATE_LIMIT


def _never_fits(text: str) -> bool:
    """One request larger than the whole allowance of its window."""
    if "request too large" in text:
        return True
    if "requested" not in text:
        return False
    found = _LIMITS.search(text)
    if found is None or _USED.search(found.group(0)):
        return False
    limit, requested = (int(amount.replace(",", "") or 0) for amount in found.groups())
    return requested > limit > 0


def _on_the_way(found: Evidence) -> Cause | None:
    """A failure of the way there, where no answer arrived that could say more."""
    if found.status is not None and found.status >= 400:  # noqa: PLR2004 - an answer of the service
        return None
    if contains(found.text, ("rate limit", "overloaded", "content_filter")):
        return None
    return transport.cause_on_the_way(found)


def _by_prose(found: Evidence, text: str) -> Cause | None:  # noqa: PLR0911 - one line a kind, in order of rank
    status = found.status
    if contains(text, _BUDGET_PROSE):
        return Cause.BUDGET_EXCEEDED
    if contains(text, _MEMORY_PROSE):
        return Cause.INSUFFICIENT_MEMORY
    if status == 429 or contains(text, ("rate limit", "too many requests", "rate_limit")):  # noqa: PLR2004
        return _kind_of_rate_limit(found, text)
    if (status is None or status < 500 or status == 500) and contains(text, _QUOTA_PROSE):  # noqa: PLR2004
        return Cause.QUOTA_EXCEEDED
    if status not in (401, 502, 503, 504) and contains(text, _CONTEXT_PROSE):
        return Cause.CONTEXT_LENGTH
    if status in (None, 200, 400, 403, 422, 500) and contains(text, _CONTENT_PROSE):
        return Cause.CONTENT_FILTER
    if status in (None, 400, 403) and contains(text, _AUTH_PROSE):
        return Cause.AUTH
    if contains(text, _CANNOT_LOAD):
        return Cause.CONFIG_ERROR
    names_model = status in (None, 400, 403, 404, 410, 422) and contains(text, ("model", "endpoint", "deployment"))
    return Cause.MODEL_NOT_FOUND if names_model and contains(text, _NO_MODEL_PROSE) else None


def _by_class(found: Evidence, text: str) -> Cause | None:
    """Classes of the chain, and those that a wrapper's text names."""
    names = frozenset(facts.code for facts in (*found.facts, *found.named) if facts.code)
    coded = _by_code(names)
    if coded is Cause.RATE_LIMIT:
        return _kind_of_rate_limit(found, text)
    if coded is not None:
        return coded
    for facts in (*found.facts, *found.named):
        if facts.cause is not None and not facts.vague:
            return facts.cause
    return None


def _by_status(found: Evidence, text: str) -> Cause | None:
    status = found.status
    if status is None or status < 400:  # noqa: PLR2004 - no failure by status
        return None
    cause = transport.cause_of_status(found)
    if status in (500, 503) and contains(text, _OVERLOADED_PROSE):
        return Cause.OVERLOADED
    if status == 409:  # noqa: PLR2004 - at model providers a lock that is held for a moment
        return Cause.RESOURCE_BUSY
    if status in (400, 500) and "timed out" in text:
        return Cause.TIMEOUT
    return cause


def _by_weak_code(codes: frozenset[str]) -> Cause | None:
    if not _SERVER.isdisjoint(codes):
        return Cause.SERVER_ERROR
    return Cause.INVALID_REQUEST if not _REQUEST.isdisjoint(codes) else None


def _when_answered(found: Evidence) -> Cause:
    """An answer without a failing status that is no answer: empty, of another shape, cut, overloaded in prose."""
    text = found.text
    for phrases, cause in ((_OVERLOADED_PROSE, Cause.OVERLOADED), (_RATE_PROSE, Cause.RATE_LIMIT),
                           (_EMPTY_PROSE, Cause.EMPTY_RESPONSE), (_SHAPE_PROSE, Cause.INVALID_RESPONSE)):  # fmt: skip
        if contains(text, phrases):
            return cause
    for facts in (*found.facts, *found.named):
        if facts.cause in (Cause.INVALID_RESPONSE, Cause.STREAM_INTERRUPTED, Cause.CANCELLED, Cause.CONNECTION):
            return facts.cause
        if facts.cause is Cause.BUG:  # the client stumbled over an answer of another shape
            return Cause.EMPTY_RESPONSE
    if found.status is not None:
        return Cause.INVALID_RESPONSE
    return transport.cause_of_machine(found) or Cause.UNKNOWN
