"""Pykka's registry on an indexed list: the private name it relies on is there."""

from __future__ import annotations

import pykka

from supervision.actor import GeventActor
from supervision.registry import IndexedRefs, registered, take_over


def test_given_pykka_s_registry_when_taken_over_then_it_uses_the_indexed_list() -> None:
    """Twice does nothing; the range of versions in setup.cfg is bounded by this."""
    inside = take_over()

    assert inside is registered
    assert isinstance(pykka.ActorRegistry._actor_refs, IndexedRefs)


def test_given_pykka_s_own_actors_when_they_start_and_stop_then_the_registry_holds_them_too() -> None:
    """Threading actors live beside ours."""

    class Threaded(pykka.ThreadingActor):
        pass

    ours, theirs = GeventActor.start(), Threaded.start()

    assert pykka.ActorRegistry.get_all()[-2:] == [ours, theirs]
    theirs.stop()
    ours.stop()
    assert theirs not in pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.unregister(theirs)


def test_given_an_indexed_list_when_used_as_pykka_does_then_it_answers_as_a_list() -> None:
    """append, remove, in, iteration over a copy, slices, length."""
    refs = IndexedRefs()
    one, other = GeventActor.start(), GeventActor.start()

    refs.append(one)
    refs.append(other)
    for ref in refs:
        refs.remove(ref)
        refs.append(ref)

    assert refs[:] == [one, other]
    assert refs[0] is one
    assert len(refs) == 2
    assert one in refs
    one.stop()
    other.stop()
