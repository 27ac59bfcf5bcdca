"""The chain for plain and asyncio programs: the shell around ChainRun."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from supervision.breaking.facade import CircuitBreaker
from supervision.classification.verdicts import ClassifiedError
from supervision.error_classification import error_classifier
from supervision.retrying.ambient import present_deadline_s
from supervision.retrying.budget import RetryBudget
from supervision.retrying.shared_budget import SharedRetryBudget
from supervision.tiers.accounts import Parked
from supervision.tiers.clients import Model, model_of
from supervision.tiers.commands import AskBudget, Attempt, Cancel, Command, Finish, Pause, Start
from supervision.tiers.config import Answer, ChainRequest, ChainResult, ModelConfig, ModelTier
from supervision.tiers.run import ChainRun
from supervision.tiers.state import ChainState, ChainStatistics
from supervision.world_library import AsyncRace, CallAborted, LibraryWorld, Race, library_world

DEADLINE_S: Final = 28.0
"""A turn's hard deadline is 30 s; two of them are kept for the reply."""

HEDGE_SHARE: Final = 0.95

STATIC_TEXT: Final = (
    "I can't work on this properly right now. Your message is safe, and I'll come back to it as soon as I can."
)

Prompt = str | Sequence[Mapping[str, Any]]


class AIFallbackChain:
    """Models in tiers, asked in order until one gives an answer that holds.

        chain = AIFallbackChain()
        chain.add_model(ModelConfig("gpt-4o", ModelTier.PRIMARY, openai.AsyncOpenAI(), account="openai"))
        chain.add_model(ModelConfig("rules", ModelTier.LOCAL, answer_by_rules))
        result = await chain.generate("What do I owe?")        # or chain.generate_sync(...), or chain(...)

    A failure of a model is never raised: when all else is gone the static text answers. deadline_s: of one call, unless
    it names its own; a deadline around it that is earlier holds. hedge: start the next tier beside one that takes
    longer than its usual (hedge_share of its latencies) within the budgets. budget_for: makes the retry budget of an
    account, e.g. a SharedRetryBudget that all nodes share.
    """

    def __init__(
        self,
        models: Iterable[ModelConfig] = (),
        *,
        deadline_s: float = DEADLINE_S,
        hedge: bool = False,
        hedge_share: float = HEDGE_SHARE,
        static_text: str = STATIC_TEXT,
        budget_for: Callable[[str], RetryBudget] | None = None,
        classify: Callable[[object, Any], ClassifiedError] = error_classifier.classify,
        world: LibraryWorld | None = None,
    ) -> None:
        self._world = world if world is not None else library_world()
        self._deadline_s = deadline_s
        self._hedge_share = hedge_share if hedge else None
        self._static_text = static_text
        self._classify = classify
        self._state = ChainState(self._world, budget_for)
        self._configs: tuple[ModelConfig, ...] = ()
        self._models: dict[str, Model] = {}
        for config in models:
            self.add_model(config)

    def add_model(self, config: ModelConfig) -> None:
        """Add a model; within a tier the one added first is asked first.

        Raises ValueError for a name in use, TypeError for a client that is neither an openai client nor a callable.
        """
        if any(known.name == config.name for known in self._configs):
            raise ValueError(f"there is a model named {config.name!r} already")
        if not (config.tier is ModelTier.STATIC and (config.client is None or isinstance(config.client, str))):
            self._models[config.name] = model_of(config)
        self._state.model(config)
        self._configs = (*self._configs, config)

    async def generate(
        self,
        prompt: Prompt,
        *,
        deadline_s: float | None = None,
        system: str | None = None,
        schema: Any = None,
        validate: Callable[[Answer], str | None] | None = None,
        chars_min: int = 1,
        chars_max: int | None = None,
        side_effects: bool = False,
        **parameters: Any,
    ) -> ChainResult:
        """The answer to a prompt (a text, or messages in the openai client's form), within deadline_s.

        schema: a JSON schema, a class (msgspec, dataclass, pydantic) or a reader of the text; what it reads is the
        result's `data`. validate(answer): a complaint or None. side_effects: never ask twice at once. parameters: for
        the client (temperature, tools, ...). Raises only cancellation, and ValueError for an empty prompt.
        """
        request = _request(prompt, system, schema, validate, chars_min, chars_max, side_effects, parameters)
        run = self._run(request, deadline_s)
        race: AsyncRace | None = None
        try:
            while True:
                command = run.next(self._world.now())
                if isinstance(command, Finish):
                    return self._finished(command)
                if self._hedge_share is None and isinstance(command, Start):
                    await self._attempt_async(run, command.attempt)
                    continue
                race = race or self._world.race_async()
                await self._obey_async(run, command, race)
        finally:
            self._leave(run, race)

    def generate_sync(
        self,
        prompt: Prompt,
        *,
        deadline_s: float | None = None,
        system: str | None = None,
        schema: Any = None,
        validate: Callable[[Answer], str | None] | None = None,
        chars_min: int = 1,
        chars_max: int | None = None,
        side_effects: bool = False,
        **parameters: Any,
    ) -> ChainResult:
        """As generate, for programs without an event loop; `chain(prompt)` is the same."""
        request = _request(prompt, system, schema, validate, chars_min, chars_max, side_effects, parameters)
        run = self._run(request, deadline_s)
        race: Race | None = None
        try:
            while True:
                command = run.next(self._world.now())
                if isinstance(command, Finish):
                    return self._finished(command)
                if self._hedge_share is None and isinstance(command, Start):
                    self._attempt_sync(run, command.attempt)
                    continue
                race = race or self._world.race()
                self._obey_sync(run, command, race)
        finally:
            self._leave(run, race)

    __call__ = generate_sync

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models that have a breaker before them, in the order in which they were added."""
        return tuple(config.name for config in self._configs if config.tier.is_model)

    def breaker(self, model: str) -> CircuitBreaker:
        """The breaker before a model, by its name. Raises KeyError."""
        return self._state.breaker(model)

    def parked_accounts(self) -> dict[str, Parked]:
        """Accounts that are not used now, and until when."""
        return self._state.accounts.all(self._world.now())

    def unpark(self, account: str) -> None:
        """Use an account again: the bill is paid, the key renewed."""
        self._state.accounts.release(account)

    def statistics(self) -> ChainStatistics:
        """Counts, costs and latencies, in total and by model."""
        return self._state.statistics()

    def _run(self, request: ChainRequest, deadline_s: float | None) -> ChainRun:
        now_s = self._world.now()
        own_s = now_s + (self._deadline_s if deadline_s is None else deadline_s)
        return ChainRun(
            self._configs, self._state, request, now_s=now_s, deadline_s=min(own_s, present_deadline_s()),
            chance=self._world.random.random, classify=self._classify, static_text=self._static_text,
            hedge_share=self._hedge_share,
        )  # fmt: skip

    def _finished(self, command: Finish) -> ChainResult:
        self._state.finished(command.result)
        return command.result

    def _leave(self, run: ChainRun, race: AsyncRace | Race | None) -> None:
        """Cancelled from outside: nothing of this call goes on."""
        for attempt_id in run.abandon(self._world.now()):
            if race is not None:
                race.leave(attempt_id)

    async def _attempt_async(self, run: ChainRun, attempt: Attempt) -> None:
        try:
            outcome = await self._ask_async(attempt, _never)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is judged, not raised
            outcome = error
        run.ended(attempt.id, outcome, self._world.now())

    async def _ask_async(self, attempt: Attempt, cancelled: Callable[[], bool]) -> Any:
        model = self._models[attempt.config.name]
        if model.is_async:
            return await self._world.call_async(
                lambda: model.ask(attempt.request, attempt.timeout_s, cancelled), attempt.timeout_s
            )
        said = await self._world.call_in_thread(
            lambda: model.ask(attempt.request, attempt.timeout_s, cancelled), attempt.timeout_s
        )
        return await self._world.call_async(lambda: said, attempt.timeout_s) if isinstance(said, Awaitable) else said

    def _attempt_sync(self, run: ChainRun, attempt: Attempt) -> None:
        gone: list[bool] = []
        try:
            outcome = self._ask_sync(attempt, lambda: bool(gone))
        except Exception as error:  # noqa: BLE001 - whatever a model raises is judged, not raised
            outcome = error
            gone.append(True)
        run.ended(attempt.id, outcome, self._world.now())

    def _ask_sync(self, attempt: Attempt, cancelled: Callable[[], bool]) -> Any:
        model = self._models[attempt.config.name]

        def ask() -> Any:
            return model.ask(attempt.request, attempt.timeout_s, cancelled)

        if model.is_async:
            return self._world.call_coroutine(ask, attempt.timeout_s)
        said = self._world.call(ask, attempt.timeout_s)
        return self._world.call_coroutine(lambda: said, attempt.timeout_s) if inspect.isawaitable(said) else said

    async def _obey_async(self, run: ChainRun, command: Command, race: AsyncRace) -> None:
        now_s = self._world.now()
        match command:
            case Start(attempt=attempt):
                race.start(attempt.id, lambda: self._ask_async(attempt, _never), attempt.timeout_s + _GRACE_S)
            case Cancel(attempts=attempts):
                for attempt_id in attempts:
                    race.leave(attempt_id)
            case AskBudget(account=account):
                run.allowed(extra=await self._take_async(account, now_s), now_s=self._world.now())
            case Pause(until_s=until_s):
                for attempt_id, outcome in await race.first(until_s - now_s):
                    run.ended(attempt_id, outcome, self._world.now())

    def _obey_sync(self, run: ChainRun, command: Command, race: Race) -> None:
        now_s = self._world.now()
        match command:
            case Start(attempt=attempt):
                race.start(attempt.id, lambda: self._ask_here(attempt), attempt.timeout_s)
            case Cancel(attempts=attempts):
                for attempt_id in attempts:
                    race.leave(attempt_id)
            case AskBudget(account=account):
                run.allowed(extra=self._state.take(account, now_s), now_s=self._world.now())
            case Pause(until_s=until_s):
                for attempt_id, outcome in race.first(until_s - now_s):
                    run.ended(attempt_id, outcome, self._world.now())

    def _ask_here(self, attempt: Attempt) -> Any:
        """In a thread of the race already."""
        model = self._models[attempt.config.name]
        said = model.ask(attempt.request, attempt.timeout_s, _never)
        return self._world.call_coroutine(lambda: said, attempt.timeout_s) if inspect.isawaitable(said) else said

    async def _take_async(self, account: str, now_s: float) -> bool:
        budget = self._state.budget(account)
        if isinstance(budget, SharedRetryBudget):
            return await budget.take_async(now_s)
        return self._state.take(account, now_s)


_GRACE_S: Final = 0.05
"""The attempt's own timeout comes first; the race's is there should it not."""


def _never() -> bool:
    return False


def _request(
    prompt: Prompt,
    system: str | None,
    schema: Any,
    validate: Callable[[Answer], str | None] | None,
    chars_min: int,
    chars_max: int | None,
    side_effects: bool,  # noqa: FBT001 - passed on from a keyword
    parameters: Mapping[str, Any],
) -> ChainRequest:
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(one) for one in prompt]
    if not messages or not any(message.get("content") for message in messages):
        raise ValueError("there is nothing to answer: the prompt is empty")
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    text = (
        prompt if isinstance(prompt, str) else "\n".join(str(one["content"]) for one in messages if one.get("content"))
    )
    return ChainRequest(text, tuple(messages), parameters, schema, validate, chars_min, chars_max, side_effects)


__all__ = ["AIFallbackChain", "CallAborted"]
