"""What stands under services/effects: an actor for each target, the spreadsheet's writer, the clock, and the relay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from actors.effects import deliverer, relay, reminders
from actors.effects.reminders import ReminderTarget
from actors.effects.webhook import WebhookTarget
from actors.ledger.target import LedgerTarget
from actors.models.library_world import DaemonLibraryWorld
from actors.spreadsheet import writer as spreadsheet
from actors.spreadsheet.target import SheetTarget
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets

if TYPE_CHECKING:
    from actors.effects.target import Target
    from actors.node import Node
    from supervision.supervisor import ChildSpec


def prepare(node: Node) -> None:
    """Make the targets and the breakers before them, once; a restart of the services finds them."""
    if node.targets:
        return
    for target in configured(node):
        node.targets[target.name] = target
        if target.service not in node.effect_breakers:
            node.effect_breakers[target.service] = _breaker(node, target)


def configured(node: Node) -> list[Target]:
    """Every target that the settings name: the ledger, the spreadsheet and the reminders always."""
    targets: list[Target] = [LedgerTarget(node), SheetTarget(node), ReminderTarget(node)]
    if node.settings.webhook.url:
        targets.append(WebhookTarget(node))
    return targets


def _breaker(node: Node, target: Target) -> CircuitBreaker:
    preset = getattr(CircuitBreakerPresets, target.breaker_kind)()
    limits = getattr(node.settings.breakers, target.breaker_kind)
    settings = replace(preset, failures_max=limits.failure_threshold, open_s=limits.recovery_timeout_s)
    return CircuitBreaker(settings, name=target.service, world=DaemonLibraryWorld(node.world))


def children(node: Node) -> list[ChildSpec]:
    """The actors, the relay last: it tells the others."""
    return [
        spreadsheet.supervised(node),
        *(deliverer.supervised(node, name) for name in node.targets),
        reminders.supervised(node),
        relay.supervised(node),
    ]
