"""One call of the chain, as a machine that never acts: it says whom to ask, for how long, and when to stop.

Its owner does what `next` says (start an attempt, cancel some, wait, ask a budget, finish) and tells it what came of
each attempt. The owner may be a thread, a coroutine or an actor; time comes in with every call.

Order: models not yet asked before those that failed, in the order of the tiers. A failure that passes in a moment (a
cut stream, an answer that is none) is tried again at the same model at once; any other hands on to the next tier, and
the model is asked again when its wait is over and nobody else is left to ask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from supervision.breaking.machine import Permit
from supervision.breaking.settings import NOT_ITS_FAULT
from supervision.classification.verdicts import Cause, ClassifiedError, ErrorCategory, verdict
from supervision.tiers.answers import AnswerProblem, Judged, judge
from supervision.tiers.commands import AskBudget, Attempt, Cancel, Command, Finish, Pause, Start
from supervision.tiers.config import Answer, AttemptRecord, ChainRequest, ChainResult, ModelConfig, ModelTier, Usage
from supervision.tiers.deadlines import ATTEMPT_S_MIN, first_share_s, reserve_s
from supervision.tiers.failures import (
    OF_THE_REQUEST,
    Entry,
    estimated,
    line_of,
    patience_s,
    plan_retry,
    repaired,
    verdict_of,
)
from supervision.tiers.state import ChainState
from supervision.world_library import CallTimeout


@dataclass(frozen=True, slots=True)
class _Wish:
    """An attempt that waits for its budget."""

    entry: Entry
    permit: Permit
    request: ChainRequest
    hedge: bool


class ChainRun:
    """See the module. Invariant: `_running` holds every attempt that was started and neither ended nor cancelled."""

    def __init__(  # noqa: PLR0913 - all that one call goes by
        self,
        models: Sequence[ModelConfig],
        state: ChainState,
        request: ChainRequest,
        *,
        now_s: float,
        deadline_s: float,
        chance: Callable[[], float],
        classify: Callable[[object, Any], ClassifiedError],
        static_text: str,
        hedge_share: float | None = None,
    ) -> None:
        self._state = state
        self._request = request
        self._begun_s = now_s
        self._deadline_s = deadline_s
        self._models_until_s = deadline_s - reserve_s(max(deadline_s - now_s, 0.0))
        self._chance = chance
        self._classify = classify
        self._static_text = static_text
        self._hedge_share = None if request.side_effects else hedge_share
        ordered = sorted(models, key=lambda config: config.tier)
        self._entries = [Entry(config, order) for order, config in enumerate(ordered) if config.tier.is_model]
        self._others = [config for config in ordered if not config.tier.is_model]
        self._running: dict[int, tuple[Entry, Attempt]] = {}
        self._accounts_asked: set[str] = set()
        self._accounts_failing: set[str] = set()
        self._records: list[AttemptRecord] = []
        self._helped: dict[str, None] = {}
        self._again: Entry | None = None
        self._repair: tuple[Entry, ChainRequest] | None = None
        self._wish: _Wish | None = None
        self._hedged = False
        self._usage = Usage()
        self._cost = Decimal(0)
        self._next_id = 1
        self._finish: Finish | None = None
        self._ready: Start | None = None
        self._cancel: Cancel | None = None
        self._hedge_at_s = math.inf

    def next(self, now_s: float) -> Command:
        """What to do now."""
        if self._cancel is not None:
            cancel, self._cancel = self._cancel, None
            return cancel
        if self._finish is not None:
            return self._finish
        if self._ready is not None:
            ready, self._ready = self._ready, None
            return ready
        if self._wish is not None:
            return AskBudget(self._wish.entry.config.account_key)
        return self._decide(now_s)

    def _decide(self, now_s: float) -> Command:
        if now_s >= self._models_until_s:
            for entry in self._entries:
                self._leave_out(entry, "deadline", now_s)
            return self._cancel_rest(now_s, "cancelled", Cause.TIMEOUT) or self._without_models(now_s)
        if self._running:
            return self._while_running(now_s)
        return self._next_model(now_s) or self._without_models(now_s)

    def allowed(self, *, extra: bool, now_s: float) -> None:
        """The budget's word on the wish it was asked about."""
        wish, self._wish = self._wish, None
        if wish is None:
            return
        if extra:
            self._ready = Start(self._started(wish.entry, wish.permit, wish.request, now_s, hedge=wish.hedge))
            return
        self._state.released(wish.entry.config, wish.permit, None)
        if not wish.hedge:
            self._leave_out(wish.entry, "retry_budget", now_s)

    def ended(self, attempt_id: int, outcome: Answer | str | BaseException, now_s: float) -> None:
        """What came of an attempt: an answer, or what was raised. CallTimeout is the owner's own cut."""
        entry_and_attempt = self._running.pop(attempt_id, None)
        if entry_and_attempt is None:
            return
        entry, attempt = entry_and_attempt
        answer = Answer(outcome, "stop") if isinstance(outcome, str) else outcome
        if not isinstance(answer, Answer):
            self._failed(entry, attempt, answer, now_s, Decimal(0))
            return
        cost = self._pay(attempt, answer)
        try:
            judged = judge(answer, attempt.request)
        except AnswerProblem as problem:
            self._failed(entry, attempt, problem, now_s, cost, answer)
            return
        self._answered(attempt, answer, judged, now_s, cost)

    def abandon(self, now_s: float) -> tuple[int, ...]:
        """The caller left: give every permit back; the attempts to cancel."""
        if self._wish is not None:
            self._state.released(self._wish.entry.config, self._wish.permit, None)
            self._wish = None
        cancel = self._cancel_rest(now_s, "cancelled")
        return cancel.attempts if cancel else ()

    # The rest stands in the order of a call's life.

    def _next_model(self, now_s: float) -> Command | None:
        if self._repair is not None:
            return self._start_repair(now_s)
        if self._again is not None:
            entry = self._again
            if entry.not_before_s > now_s:
                return Pause(entry.not_before_s)
            self._again = None
            permit = self._permit(entry, now_s)
            if permit is not None:
                return self._wish_or_start(entry, permit, now_s=now_s, hedge=False)
        found = self._candidate(now_s)
        if found is not None:
            return self._wish_or_start(*found, now_s=now_s, hedge=False)
        waiting = [entry.not_before_s for entry in self._entries if not entry.out]
        return Pause(min(waiting)) if waiting else None

    def _candidate(self, now_s: float, *, fresh: bool = False) -> tuple[Entry, Permit] | None:
        """The model to ask now, with its breaker's permit; those that cannot be asked any more are left out."""
        for entry in sorted(self._entries, key=lambda one: (one.attempts, one.order)):
            if entry.out or (fresh and entry.attempts):
                continue
            permit = self._permit(entry, now_s)
            if permit is not None:
                return entry, permit
        return None

    def _permit(self, entry: Entry, now_s: float) -> Permit | None:
        """Its breaker's permit, where it may be asked now."""
        if not self._usable(entry, now_s) or entry.not_before_s > now_s:
            return None
        permit = self._state.admit(entry.config)
        if permit is None:
            self._helped.setdefault("breaker")
            # Also when it would admit a call within the deadline: the next tier, or the rules, answer sooner.
            self._pass_over(entry, "breaker_open", now_s)
            entry.out = True
        return permit

    def _usable(self, entry: Entry, now_s: float) -> bool:
        config = entry.config
        parked = self._state.parked(config, now_s)
        if parked is not None:
            self._leave_out(entry, f"account_parked ({parked.cause})", now_s)
        elif self._state.spent(config):
            self._leave_out(entry, "allowance_spent", now_s)
        else:
            entry.not_before_s = max(entry.not_before_s, self._state.wait_until_s(config))
            if not self._in_time(entry):
                self._leave_out(entry, "retry_after", now_s)
        return not entry.out

    def _in_time(self, entry: Entry) -> bool:
        return entry.not_before_s + ATTEMPT_S_MIN < self._models_until_s

    def _wish_or_start(self, entry: Entry, permit: Permit, *, now_s: float, hedge: bool) -> Command:
        """A retry, a hedge, and a fall to another model of an account that is failing add load: the budget is asked."""
        account = entry.config.account_key
        extra = hedge or entry.failures > 0 or account in self._accounts_failing
        if extra:
            self._wish = _Wish(entry, permit, self._request, hedge)
            return AskBudget(account)
        return Start(self._started(entry, permit, self._request, now_s, hedge=False))

    def _started(
        self, entry: Entry, permit: Permit, request: ChainRequest, now_s: float, *, hedge: bool, repair: bool = False
    ) -> Attempt:
        later = [one.config.weight for one in self._entries if one is not entry and not one.out and not one.attempts]
        share_s = first_share_s(self._models_until_s - now_s, [entry.config.weight, *later], entry.config.timeout_s)
        attempt = Attempt(self._next_id, entry.config, request, share_s, now_s, permit, hedge, repair)
        self._next_id += 1
        if entry.failures and not repair:
            self._helped.setdefault("retry")
        elif entry.order and not hedge and not repair:
            self._helped.setdefault("fallback")
        entry.attempts += 1
        self._running[attempt.id] = (entry, attempt)
        self._state.begun(entry.config)
        if self._hedge_share is not None and not self._hedged and not repair:
            after_s = self._state.hedge_after_s(entry.config, self._hedge_share)
            self._hedge_at_s = math.inf if after_s is None else now_s + after_s
        if not hedge and entry.config.account_key not in self._accounts_asked:
            self._accounts_asked.add(entry.config.account_key)
            self._state.note_request(entry.config.account_key, now_s)
        return attempt

    def _start_repair(self, now_s: float) -> Command | None:
        assert self._repair is not None  # noqa: S101 - for the type checker; the caller looked
        (entry, request), self._repair = self._repair, None
        permit = self._state.admit(entry.config)
        if permit is None:
            entry.out = True
            return self._next_model(now_s)
        self._helped.setdefault("repair")
        return Start(self._started(entry, permit, request, now_s, hedge=False, repair=True))

    def _while_running(self, now_s: float) -> Command:
        """Wait for what runs, or start a hedge when it takes longer than it usually does."""
        if self._hedged or self._hedge_at_s > now_s:
            return Pause(self._models_until_s if self._hedged else min(self._hedge_at_s, self._models_until_s))
        self._hedged = True
        found = self._candidate(now_s, fresh=True)
        if found is None:
            return Pause(self._models_until_s)
        entry, permit = found
        if not self._state.hedge_allowed(entry.config):
            self._state.released(entry.config, permit, None)
            return Pause(self._models_until_s)
        return self._wish_or_start(entry, permit, now_s=now_s, hedge=True)

    def _answered(self, attempt: Attempt, answer: Answer, judged: Judged, now_s: float, cost: Decimal) -> None:
        latency_s = now_s - attempt.started_s
        if attempt.permit is not None:
            self._state.answered(attempt.config, attempt.permit, latency_s)
        self._record(attempt, "answered", None, "", now_s, cost)
        if attempt.hedge:
            self._helped.setdefault("fallback")
        self._cancel = self._cancel_rest(now_s, "lost")
        self._finish = Finish(self._result(attempt.config, judged.text, now_s, answer, judged.data))

    def _failed(
        self,
        entry: Entry,
        attempt: Attempt,
        error: BaseException,
        now_s: float,
        cost: Decimal,
        answer: Answer | None = None,
    ) -> None:
        found = verdict_of(error, attempt.config, self._classify)
        invalid = isinstance(error, AnswerProblem)
        self._record(
            attempt, "invalid" if invalid else "failed", found.cause, line_of(error), now_s, cost, found.retry_after
        )
        if not entry.config.tier.is_model or attempt.permit is None:
            entry.out = True
            return
        parked = self._settle_permit(attempt, found, error, now_s)
        entry.failures += 1
        if found.cause not in OF_THE_REQUEST:
            self._accounts_failing.add(entry.config.account_key)
        if found.cause is Cause.INVALID_MODEL_OUTPUT and answer is not None and not entry.repaired:
            entry.repaired = True
            self._repair = (entry, repaired(attempt.request, answer, line_of(error)))
            return
        if parked:
            for one in self._entries:
                if one.config.account_key == entry.config.account_key:
                    one.out = True
            return
        if plan_retry(entry, found, self._chance, now_s):
            self._again = entry if self._in_time(entry) else None

    def _settle_permit(self, attempt: Attempt, found: ClassifiedError, error: BaseException, now_s: float) -> bool:
        """Tell the breaker, unless it was the request's fault, or ours for giving too little time."""
        assert attempt.permit is not None  # noqa: S101 - for the type checker; only models get here
        enough_s = patience_s(attempt.config, self._state.usual_s(attempt.config))
        impatient = isinstance(error, CallTimeout) and now_s - attempt.started_s < enough_s
        if found.cause in NOT_ITS_FAULT or impatient:
            self._state.released(attempt.config, attempt.permit, found.cause)
            return False
        return self._state.failed(attempt.config, attempt.permit, found, now_s)

    def _pay(self, attempt: Attempt, answer: Answer | None) -> Decimal:
        """Count what an attempt used. What was sent has been read, and is paid for, although nobody sees the answer."""
        if not attempt.config.tier.is_model:
            return Decimal(0)
        told = None if answer is None else answer.usage
        usage = told if told is not None else estimated(attempt.request, answer)
        cost = self._state.spend(attempt.config, usage, hedge=attempt.hedge)
        self._cost += cost
        self._usage += usage
        return cost

    def _leave_out(self, entry: Entry, reason: str, now_s: float) -> None:
        """Not asked again in this call."""
        if not entry.out:
            entry.out = True
            self._pass_over(entry, reason, now_s)

    def _pass_over(self, entry: Entry, reason: str, now_s: float) -> None:
        """Noted once, where somebody else is asked instead; a model that ran out of time has said so itself."""
        if entry.passed_over or (entry.attempts and reason == "deadline"):
            return
        entry.passed_over = True
        self._state.skipped(entry.config, reason)
        offset_s = now_s - self._begun_s
        record = AttemptRecord(entry.config.name, entry.config.tier, "skipped", None, reason, offset_s, 0.0)
        self._records.append(record)

    def _cancel_rest(self, now_s: float, outcome: str, cause: Cause | None = None) -> Cancel | None:
        """Cancel whatever runs still: losers of a hedge, or all at the deadline."""
        if not self._running:
            return None
        for entry, attempt in self._running.values():
            cost = self._pay(attempt, None)
            self._record(attempt, outcome, cause, "deadline" if cause else "", now_s, cost)
            if attempt.permit is None:
                continue
            waited_s = now_s - attempt.started_s
            if cause is not None and waited_s >= patience_s(entry.config, self._state.usual_s(entry.config)):
                found = verdict(ErrorCategory.AI_MODEL, cause, CallTimeout())
                self._state.failed(entry.config, attempt.permit, found, now_s)
            else:
                self._state.released(entry.config, attempt.permit, cause)
        cancelled = tuple(self._running)
        self._running.clear()
        return Cancel(cancelled)

    def _without_models(self, now_s: float) -> Command:
        """Rules, then the static text: something is always said."""
        self._helped.setdefault("degraded")
        while self._others:
            config = self._others.pop(0)
            if isinstance(config.client, str):
                self._static_text = config.client
            elif config.client is not None:
                timeout_s = max(self._deadline_s - now_s, ATTEMPT_S_MIN)
                request = replace(self._request, chars_max=None)
                attempt = Attempt(self._next_id, config, request, min(timeout_s, config.timeout_s), now_s)
                self._next_id += 1
                self._running[attempt.id] = (Entry(config, len(self._entries)), attempt)
                self._models_until_s = math.inf
                self._hedged = True
                return Start(attempt)
        static = ModelConfig("static", ModelTier.STATIC, self._static_text)
        self._finish = Finish(self._result(static, self._static_text, now_s, None, None))
        return self._finish

    def _record(
        self, attempt: Attempt, outcome: str, cause: Cause | None, reason: str, now_s: float, cost: Decimal,
        retry_after: float | None = None,
    ) -> None:  # fmt: skip
        config = attempt.config
        started_s, latency_s = attempt.started_s - self._begun_s, now_s - attempt.started_s
        record = AttemptRecord(config.name, config.tier, outcome, cause, reason, started_s, latency_s, cost,
                               retry_after, attempt.hedge, attempt.repair)  # fmt: skip
        self._records.append(record)

    def _result(self, config: ModelConfig, text: str, now_s: float, answer: Answer | None, data: Any) -> ChainResult:
        return ChainResult(
            text=text, tier=config.tier, model=config.name, attempts=tuple(self._records), cost=self._cost,
            latency_s=now_s - self._begun_s, usage=self._usage,
            finish_reason=None if answer is None else answer.finish_reason,
            tool_calls=() if answer is None else answer.tool_calls, data=data, recovered_by=tuple(self._helped),
        )  # fmt: skip
