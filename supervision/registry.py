"""Pykka's registry with a list that finds its entries: registering and unregistering take constant time.

`pykka.ActorRegistry` keeps the living actors in a private list and removes by searching it: with a hundred thousand
actors one death costs milliseconds. Its list is replaced by `IndexedRefs`, which is as much of a list as the registry
uses. Relies on the name `_actor_refs`; a test holds that for the range of versions in setup.cfg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pykka

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class IndexedRefs:
    """Refs in the order they were registered, each once."""

    __slots__ = ("refs",)

    def __init__(self, refs: Iterable[pykka.ActorRef[Any]] = ()) -> None:
        """Start with refs."""
        self.refs: dict[pykka.ActorRef[Any], None] = dict.fromkeys(refs)

    def append(self, ref: pykka.ActorRef[Any]) -> None:
        """Add ref at the end."""
        self.refs[ref] = None

    def remove(self, ref: pykka.ActorRef[Any]) -> None:
        """Take ref out. Raises ValueError when it is not there."""
        try:
            del self.refs[ref]
        except KeyError:
            raise ValueError(ref) from None

    def __contains__(self, ref: object) -> bool:
        """Whether ref is registered."""
        return ref in self.refs

    def __iter__(self) -> Iterator[pykka.ActorRef[Any]]:
        """Iterate over a copy: actors may start and stop meanwhile."""
        return iter(list(self.refs))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.refs)

    def __getitem__(self, index: int | slice) -> Any:
        """Index or slice a copy."""
        return list(self.refs)[index]


def take_over() -> dict[pykka.ActorRef[Any], None]:
    """Put an indexed list into Pykka's registry, once, and return its inside for the hot paths."""
    registry: Any = pykka.ActorRegistry
    if not isinstance(registry._actor_refs, IndexedRefs):
        registry._actor_refs = IndexedRefs(registry._actor_refs)
    refs: dict[pykka.ActorRef[Any], None] = registry._actor_refs.refs
    return refs


registered: Final = take_over()
