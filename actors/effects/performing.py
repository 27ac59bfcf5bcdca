"""Doing one effect, in its time: for the relay, and for whoever replays a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from actors.effects.target import Misconfigured, ServiceEnded
from supervision.classification.verdicts import Cause, ClassifiedError, verdict
from supervision.error_classification import error_classifier
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.effects.records import Effect
    from actors.effects.target import Target
    from actors.node import Node
    from supervision.world import Waiter

T = TypeVar("T")

# How long one attempt may take, and one look whether an earlier one has happened.
ATTEMPT_S: Final = 20.0
LOOK_S: Final = 10.0


class NoSuchTarget(Exception):  # noqa: N818 - what is the case
    """Nothing of that name is configured here. Nothing has happened."""

    outcome = "not_done"


class UnknownOutcome(Exception):  # noqa: N818 - what is the case
    """An earlier attempt may have happened, and nobody can tell: a person has to look."""


class EffectTimeout(TimeoutError):  # noqa: N818 - what happened
    """An attempt took too long; it may have happened, or may yet."""


def perform(node: Node, effect: Effect, *, repeated: bool) -> None:
    """Do an effect, behind the breaker of its service; when it returns, it is done.

    repeated: an earlier attempt's outcome is unknown, so a target that can be asked is asked first, and one that knows
    no key and cannot be asked is not told again. False: a person says so, or nothing was sent before. Raises
    CircuitOpenError, NoSuchTarget, UnknownOutcome, or what the target raises, to be classified.
    """
    target = target_of(node, effect)
    breaker = node.effect_breakers.get(target.service)
    if breaker is None:
        perform_unguarded(node, target, effect, repeated=repeated)
        return
    permit = breaker.acquire()
    if permit is None:
        raise breaker.refusal()
    try:
        perform_unguarded(node, target, effect, repeated=repeated)
    except UnknownOutcome:
        breaker.release(permit)
        raise
    except ServiceEnded:
        breaker.release(permit)
        breaker.force_open()
        raise
    except Exception as error:
        breaker.failed(permit, verdict_of(error, target))
        raise
    except BaseException:
        breaker.release(permit)
        raise
    breaker.succeeded(permit)


def verdict_of(error: BaseException, target: Target) -> ClassifiedError:
    """What a failed attempt means."""
    context = {"provider": target.service}
    if isinstance(error, Misconfigured):
        return verdict(error_classifier.classify(error, context).category, Cause.CONFIG_ERROR, error)
    cause = error.__cause__ if getattr(error, "outcome", None) == "not_done" and error.__cause__ is not None else error
    return error_classifier.classify(cause, context)


def target_of(node: Node, effect: Effect) -> Target:
    """Where the effect goes. Raises NoSuchTarget."""
    target = node.targets.get(effect.target)
    if target is None:
        raise NoSuchTarget(f"no {effect.target} is configured here")
    return target


def perform_unguarded(node: Node, target: Target, effect: Effect, *, repeated: bool) -> None:
    """Do it, asking first where that is due; raises as `perform`. The breaker is the caller's business."""
    if repeated and target.delivery != "keyed":
        if target.delivery == "neither":
            raise UnknownOutcome(f"the {target.name} may have been told already, and cannot be asked")
        happened = _within(node, LOOK_S, target.happened, effect)
        if happened:
            return
        if happened is None:
            raise UnknownOutcome(f"the {target.name} cannot tell whether it was told already")
    _within(node, ATTEMPT_S, target.perform, effect, ATTEMPT_S)


def _within(node: Node, timeout_s: float, function: Callable[..., T], *arguments: Any) -> T:
    """The function's result, or EffectTimeout: a client's own timeout is for each read, this is for the whole."""
    waiter = node.world.waiter()
    task = node.world.spawn(_answer, waiter, function, arguments, name=f"effect: {function.__qualname__}")
    try:
        result, error = waiter.wait(timeout_s)
    except WaitTimeout:
        raise EffectTimeout(f"no end after {timeout_s:g} s") from None
    finally:
        if not task.done:
            task.kill()
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _answer(waiter: Waiter, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        waiter.wake((function(*arguments), None))
    except Exception as error:  # noqa: BLE001 - it is raised to whoever waits
        waiter.wake((None, error))
