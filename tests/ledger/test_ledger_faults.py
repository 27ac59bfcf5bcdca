"""The ledger while its database is killed, hung, slow or refusing: nothing booked is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import pytest
from bookings_made import CHAT, effect_of, made
from sqlalchemy.exc import DBAPIError

from actors.ledger import asking
from actors.native_lane import LaneLate
from invoices.book import BookAway
from supervision.error_classification import error_classifier
from supervision.tiers.failures import Cause

if TYPE_CHECKING:
    from postgres import PostgresServer
    from tcp_proxy import TcpProxy


from ledger_at_work import DEADLINE_S, RECENT, book, found_at_last, ids_in, running

pytestmark = pytest.mark.xdist_group("postgres")

ROOT = Path(__file__).resolve().parents[2]


def test_given_a_server_that_is_killed_and_started_again_when_booking_then_it_goes_on(
    postgres: PostgresServer, ledger_url: str, tmp_path: Path
) -> None:
    """By a connection that had ended, without a failure; while it is down, memory answers."""
    with running(tmp_path, ledger_url) as (node, target):
        book(target, made(1))
        postgres.kill()
        with pytest.raises(BookAway):
            asking.book_of(node, CHAT).find(RECENT)
        from_memory = asking.book_of(node, CHAT).from_memory().find(RECENT)
        with pytest.raises(DBAPIError) as raised:
            target.perform(effect_of(made(2)), DEADLINE_S)
        postgres.start()
        book(target, made(2))

        assert error_classifier.classify(raised.value).cause is Cause.DB_UNAVAILABLE
        assert [booking.invoice_id for booking in from_memory] == ["i-1"]
        assert ids_in(node) == {"i-1", "i-2"}
        postgres.kill()
        postgres.start()
        assert book(target, made(3)) == 0


@pytest.mark.parametrize("has_read_before", [True, False])
def test_given_a_server_that_hangs_when_asked_then_nobody_waits_longer_than_said(
    proxy: TcpProxy,
    proxied_url: str,
    tmp_path: Path,
    has_read_before: bool,  # noqa: FBT001 - of the parameters
) -> None:
    """Neither who asks nor the hub, with a connection or while making one; it goes on when the server does."""
    with running(tmp_path, proxied_url) as (node, target):
        book(target, made(1))
        assert not has_read_before or ids_in(node) == {"i-1"}
        proxy.order("hang")
        began_s = node.world.now()
        with pytest.raises(BookAway):
            asking.book_of(node, CHAT, timeout_s=0.5).find(RECENT)
        with pytest.raises(LaneLate):
            target.perform(effect_of(made(2)), 0.5)
        waited_s = node.world.now() - began_s
        proxy.order("pass")
        book(target, made(2))

        assert waited_s < 2.0
        assert found_at_last(node) == {"i-1", "i-2"}


@pytest.mark.parametrize("order", ["refuse", "garbage", "slow 0.05"])
def test_given_a_network_that_misbehaves_when_it_is_well_again_then_everything_is_booked_once(
    proxy: TcpProxy, proxied_url: str, tmp_path: Path, order: str
) -> None:
    """What fails is retried by the rules of its error; what is slow is done."""
    with running(tmp_path, proxied_url) as (node, target):
        book(target, made(1))
        proxy.order(order)
        tasks = [gevent.spawn(book, target, made(number)) for number in range(2, 12)]
        gevent.joinall(tasks, timeout=2.0)
        proxy.order("pass")
        gevent.joinall(tasks, timeout=60.0, raise_error=True)

        assert ids_in(node) == {f"i-{number}" for number in range(1, 12)}


def test_given_two_nodes_when_both_write_the_same_rows_then_the_greatest_revisions_stand(
    ledger_url: str, tmp_path: Path
) -> None:
    """In opposite orders, many at once: nobody waits for ever, and each row is one of them, whole."""
    rows = [made(number % 20, 1 + number // 20) for number in range(200)]
    with running(tmp_path / "a", ledger_url) as (node, first), running(tmp_path / "b", ledger_url) as (_, second):
        tasks = [gevent.spawn(book, first, row) for row in rows]
        tasks += [gevent.spawn(book, second, row) for row in reversed(rows)]
        gevent.joinall(tasks, timeout=60.0, raise_error=True)

        found = asking.book_of(node, CHAT).find(RECENT)

    assert sorted(booking.invoice_id for booking in found) == sorted(f"i-{number}" for number in range(20))
    assert {booking.revision for booking in found} == {10}


def test_given_an_empty_server_when_several_nodes_open_it_at_once_then_the_schema_is_made_once(ledger_url: str) -> None:
    """Four processes: each finds it made, or makes it."""
    program = (
        "import sys; from pathlib import Path\n"
        "from actors.ledger.database import Database, Place\n"
        "from actors.ledger import statements\n"
        "Database(Place(sys.argv[1], Path('/nowhere')), writes=True).transact(statements.check)\n"
    )
    nodes = [
        subprocess.Popen([sys.executable, "-c", program, ledger_url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    ends = [(node.communicate(timeout=60.0)[1], node.returncode) for node in nodes]

    assert [code for _, code in ends] == [0, 0, 0, 0], ends


def test_given_a_client_that_is_not_installed_when_opened_then_it_says_what_to_install(tmp_path: Path) -> None:
    """In a process whose Python cannot import it."""
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\n"
        "from actors.ledger.database import Database, Place\n"
        "Database(Place('postgresql://127.0.0.1/x', Path('/nowhere')), writes=True).transact(print)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert "pip install unfailing[postgres]" in done.stderr
