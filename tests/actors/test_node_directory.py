"""One directory, one daemon, one identity."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.node_directory import (
    DirectoryInUse,
    NodeDirectoryError,
    SocketPathTooLong,
    _kept_node_id,
    _next_incarnation,
    lock_file,
    node_paths,
    noted_number,
    open_node_directory,
    write_durably,
)


def test_given_no_directory_when_opened_then_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    """Invoices lie in it: nobody else may look."""
    root = tmp_path / "deep" / "node"

    directory = open_node_directory(root, "node-a", "n1")

    assert root.stat().st_mode & 0o777 == 0o700
    assert directory.paths.node_id.stat().st_mode & 0o777 == 0o600
    directory.close()


def test_given_a_known_node_when_opened_again_then_its_id_stays_and_its_incarnation_counts(tmp_path: Path) -> None:
    """A restarted node takes its own leases back, and is known to be a later daemon."""
    first = open_node_directory(tmp_path, "node-a", "n1")
    first.close()

    second = open_node_directory(tmp_path, "node-b", "n2")

    assert (first.node_id, first.incarnation) == ("node-a", "1-n1")
    assert (second.node_id, second.incarnation) == ("node-a", "2-n2")
    second.close()


def test_given_a_daemon_in_another_process_when_opened_then_the_holder_is_named(tmp_path: Path) -> None:
    """The operator is told whom to stop."""
    program = (
        "import sys; from actors.node_directory import open_node_directory as o; "
        "d = o(sys.argv[1], 'a', 'n'); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(DirectoryInUse, match=f"process {holder.pid} holds its lock") as refused:
        open_node_directory(tmp_path, "node-b", "n2")

    assert refused.value.holder_pid == holder.pid
    holder.kill()
    holder.wait()
    open_node_directory(tmp_path, "node-b", "n2").close()


def test_given_a_daemon_with_children_when_it_closes_then_they_do_not_keep_the_directory(tmp_path: Path) -> None:
    """The lock is close-on-exec: a document reader that outlives the daemon does not block the next one."""
    directory = open_node_directory(tmp_path, "node-a", "n1")
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
    )

    directory.close()

    open_node_directory(tmp_path, "node-a", "n2").close()
    child.kill()
    child.wait()


def test_given_a_path_too_long_for_a_socket_when_opened_then_it_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """`control.sock` has one byte more than `valkey.sock`: the longest root that fits leaves room for it."""
    room = 107 - len(os.fsencode(tmp_path.resolve())) - len("/") - len("/control.sock")
    fitting, too_long = tmp_path / ("x" * room), tmp_path / ("x" * (room + 1))

    with pytest.raises(SocketPathTooLong, match="--data-dir") as refused:
        open_node_directory(too_long, "node-a", "n1")

    assert refused.value.size_bytes == 108
    assert not too_long.exists()
    open_node_directory(fitting, "node-a", "n1").close()


def test_given_a_file_in_its_place_when_opened_then_the_error_says_so(tmp_path: Path) -> None:
    """Not a traceback with an errno: words."""
    in_the_way = tmp_path / "var"
    in_the_way.write_text("a file")

    with pytest.raises(NodeDirectoryError, match="has to be a directory"):
        open_node_directory(in_the_way, "node-a", "n1")


@given(noise=st.binary(max_size=200))
def test_given_any_bytes_in_the_identity_files_when_read_then_identity_is_sound(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    """A disk fault may change who a node is; it never puts noise into keys, and never stops the start."""
    root = tmp_path_factory.mktemp("identity")
    (root / "node.id").write_bytes(noise)
    (root / "incarnation").write_bytes(noise)

    node_id = _kept_node_id(root / "node.id", "fresh")
    incarnation = _next_incarnation(root / "incarnation", "n")

    assert node_id.isascii()
    assert node_id.strip() == node_id != ""
    assert node_id == _kept_node_id(root / "node.id", "other")
    assert incarnation.partition("-")[2] == "n"


def test_given_a_held_lock_file_when_taken_again_then_it_says_no_without_waiting(tmp_path: Path) -> None:
    """Two open files of one process exclude each other too: the probe for a living server relies on it."""
    held = lock_file(tmp_path / "x.lock")
    assert held is not None

    refused = lock_file(tmp_path / "x.lock")

    assert refused is None
    os.close(held)


def test_given_a_lock_file_with_noise_when_read_then_no_process_is_named(tmp_path: Path) -> None:
    """What is noted there gets killed: nothing doubtful may come out, and never process 0 or 1."""
    note = tmp_path / "x.lock"

    numbers = []
    for text in (b"", b"0", b"1", b"-5", b"12a", b" 4711\n", b"\xff\xfe"):
        note.write_bytes(text)
        numbers.append(noted_number(note))

    assert numbers == [None, None, None, None, None, 4711, None]
    assert noted_number(tmp_path / "none") is None


def test_given_a_file_when_written_durably_then_it_is_replaced_whole(tmp_path: Path) -> None:
    """No half file is ever under the name."""
    path = tmp_path / "file"
    write_durably(path, b"old, and rather longer")

    write_durably(path, b"new")

    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert node_paths(tmp_path).root == tmp_path.resolve()
