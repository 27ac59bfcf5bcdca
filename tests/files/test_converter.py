"""Documents of other kinds, turned into PDF by a service, by a program, or not at all."""

import io
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from files.converting_service import KEY, ConvertingService
from files.file_server import FileServer, answer, cut, file_server, silence
from files.test_download import node_on
from turn.real_nodes import Person

from actors.converter import Convert, Converted, Converter, format_of
from actors.converter.libreoffice import without_network
from actors.node import Node
from actors.settings import ConverterSettings
from supervision import world
from supervision.retrying.policies import PolicySettings

QUICK = PolicySettings(policy="network", max_retries=2, min_delay_s=0.01, max_delay_s=0.05)
EXAMPLE = Path(__file__).parents[2] / "examples" / "files" / "invoice-en.text.pdf"
PDF = EXAMPLE.read_bytes()
Turn = Callable[..., Converted]
Starter = Callable[..., Any]


def archive(*names: str, mimetype: str = "") -> bytes:
    """A zip archive with these entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        if mimetype:
            packed.writestr("mimetype", mimetype)
        for name in names:
            packed.writestr(name, "<x/>")
    return buffer.getvalue()


DOCX = archive("[Content_Types].xml", "word/document.xml")


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A server."""
    with file_server() as files:
        yield files


@pytest.fixture
def service(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> ConvertingService:
    """The service, whose key is in the environment."""
    monkeypatch.setenv("CC_KEY", KEY)
    made = ConvertingService(server, PDF)
    made.install()
    return made


def with_converter(node: Node, **converter: Any) -> Node:
    """The node with these settings of the converter."""
    settings = ConverterSettings(allow_private=True, **converter)
    node.settings = msgspec.structs.replace(node.settings, converter=settings)
    return node


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[Turn]:
    """Has a document turned by a node with these settings, within so many seconds; `node` is on the function."""
    node = node_on(tmp_path, allow_private=True)
    started: list[Any] = []

    def turned(content: bytes = DOCX, kind: str = "docx", within_s: float = 10.0, **converter: Any) -> Converted:
        if not started:
            started.append(Converter.start(with_converter(node, **converter), QUICK))
        message = Convert(content, kind, "tag-1", 3, node.world.now() + within_s)
        found: Converted = started[0].ask(message, timeout=within_s + 15)
        return found

    turned.node = node  # type: ignore[attr-defined]
    yield turned
    for ref in started:
        ref.stop()


def program(folder: Path, body: str) -> str:
    """A program that is called as LibreOffice is: $out is where its PDF is expected, $in its document."""
    path = folder / "soffice"
    path.write_text(
        '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = --outdir ] && outdir=$2; shift; done\nin=$1\n'
        f'mkdir -p "$outdir"; out="$outdir/document.pdf"\n{body}\n'
    )  # fmt: skip
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


needs_isolation = pytest.mark.skipif(
    without_network(world.current()) is None, reason="this kernel gives no network namespace to anyone (unshare -rn)"
)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a", DOCX, "docx"), ("a", archive("xl/workbook.xml"), "xlsx"), ("a", archive("ppt/presentation.xml"), "pptx"),
        ("a", archive("content.xml", mimetype="application/vnd.oasis.opendocument.text"), "odt"),
        ("a", archive("content.xml", mimetype="application/vnd.oasis.opendocument.spreadsheet"), "ods"),
        ("a.pages", archive("Index/Document.iwa"), "pages"), ("a.exe", archive("Index/Document.iwa"), None),
        ("a", b"{\\rtf1 hi}", "rtf"), ("a", b"\xd0\xcf\x11\xe0" + "WordDocument".encode("utf-16-le"), "doc"),
        ("a", b"\xd0\xcf\x11\xe0" + "Workbook".encode("utf-16-le"), "xls"), ("a.doc", b"\xd0\xcf\x11\xe0", None),
        ("a", b"\0\0\0\x18ftypheic", "heic"), ("a.docx", b"MZ program", None), ("a.zip", archive("a.txt"), None),
        ("a.pdf", PDF, None), ("a", b"", None),
    ],
)  # fmt: skip
def test_given_a_file_when_its_kind_is_told_then_it_is_by_its_bytes(
    name: str, content: bytes, kind: str | None
) -> None:
    """A program named a.docx is no Word document."""
    assert format_of(name, content) == kind


def test_given_a_service_when_a_document_is_turned_then_its_pdf_is_in_the_blob_store(
    service: ConvertingService, turn: Turn
) -> None:
    """Uploaded by the service's form, looked at until it has ended, fetched without the key."""
    service.looks_until_done = 2

    turned = turn(api_key_env="CC_KEY", base_url=service.base_url)

    assert turned.by == "cloudconvert"
    assert turn.node.blobs.get(3, turned.digest) == PDF  # type: ignore[attr-defined]
    assert service.uploads == [DOCX]


@pytest.mark.parametrize("step", ["find", "make", "upload", "look", "file"])
@pytest.mark.parametrize("fault", [answer(503, Retry_After="0"), answer(500), cut(b"x" * 99, 3)])
def test_given_a_fault_that_passes_at_any_step_when_turned_then_it_is_done_and_paid_for_once(
    service: ConvertingService, turn: Turn, step: str, fault: Any
) -> None:
    """The next attempt finds the job by its tag and goes on with it."""
    service.faults[step] = [fault]

    turned = turn(api_key_env="CC_KEY", base_url=service.base_url)

    assert turned.digest
    assert turned.retried
    assert len(service.jobs) == 1


def test_given_a_job_whose_answer_was_lost_when_turned_again_then_no_second_one_is_made(
    service: ConvertingService, turn: Turn
) -> None:
    """The service had made it before the connection broke."""

    def made_and_lost(asked: Any, connection: Any) -> None:
        service.new_job(msgspec.json.decode(asked.body))
        connection.close()

    service.faults["make"] = [made_and_lost]

    turned = turn(api_key_env="CC_KEY", base_url=service.base_url)

    assert turned.digest
    assert len(service.jobs) == 1


def test_given_a_file_that_cannot_be_turned_when_tried_then_that_is_the_services_last_word(
    service: ConvertingService, turn: Turn
) -> None:
    """It is the file's fault: asked once, and the breaker has nothing to say."""
    service.refuses = True

    turned = turn(api_key_env="CC_KEY", base_url=service.base_url)

    assert turned.problem == "refused"
    assert len(service.jobs) == 1


@pytest.mark.parametrize("fault", [answer(402), answer(401), answer(500), silence])
@needs_isolation
def test_given_a_service_that_fails_when_a_program_is_there_then_that_one_turns_it(
    service: ConvertingService, turn: Turn, tmp_path: Path, fault: Any
) -> None:
    """The alternative, whatever the service's trouble is: credits, key, faults, silence."""
    service.faults["find"] = [fault] * 9
    soffice = program(tmp_path, f'cp "{EXAMPLE}" "$out"')

    turned = turn(within_s=1.0, api_key_env="CC_KEY", base_url=service.base_url, soffice=soffice)

    assert turned.by == "libreoffice"
    assert turn.node.blobs.get(3, turned.digest) == PDF  # type: ignore[attr-defined]


def test_given_neither_when_a_document_comes_then_it_is_skipped(turn: Turn) -> None:
    """No key, no program."""
    turned = turn(soffice="/nowhere/soffice")

    assert turned.problem == "skipped"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("exit 1", "refused"),
        ('echo no pdf > "$out"', "refused"),
        ('(echo "%PDF"; head -c 20000000 /dev/zero) > "$out"', "refused"),
        ("sleep 600", "failed"),
        ("sleep 600 & wait", "failed"),
    ],
    ids=["fails", "no pdf", "too large", "hangs", "its helper hangs"],
)
@needs_isolation
def test_given_a_program_that_fails_when_turned_then_it_ends_in_time_and_leaves_nothing(
    turn: Turn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, problem: str
) -> None:
    """Whatever it does, it and its folder are gone."""
    from actors.converter import actor

    monkeypatch.setattr(actor, "LOCAL_S_MIN", 0.5)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    soffice = program(tmp_path, f'echo $$ > "{tmp_path}/pid"\n{body}')

    turned = turn(soffice=soffice, within_s=0.5)

    assert turned.problem == problem
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists() or problem != "failed"
    assert not list(tmp_path.glob("unfailing-convert-*"))


@needs_isolation
def test_given_a_document_that_looks_elsewhere_when_turned_then_there_is_no_network(
    turn: Turn, tmp_path: Path, server: FileServer
) -> None:
    """What runs on a stranger's document reaches nobody, this machine included."""
    look = f'import urllib.request as u; u.urlopen("{server.url("/seen")}", timeout=2)'
    soffice = program(tmp_path, f'python3 -c \'{look}\'; cp "{EXAMPLE}" "$out"')

    turned = turn(soffice=soffice)

    assert turned.by == "libreoffice"
    assert server.asked == []


def test_given_a_word_document_when_sent_then_its_invoice_is_read_and_paid_for_once(
    start_node: Starter, person: Person, service: ConvertingService, folder: Path
) -> None:
    """A turn that crashes after the conversion uses it again."""
    node = with_converter(start_node().node, api_key_env="CC_KEY", base_url=service.base_url)
    assert node.whereis("converter") is not None

    person.says("789", "m-1", f"!crash unless {folder}/crashed", attachments=attached("march.docx", DOCX))

    [reply] = person.hears("789")
    assert reply.data["invoice"]["gross"]
    assert len(service.jobs) == 1


def test_given_a_word_document_when_nothing_turns_it_then_the_person_hears_what_to_send(
    start_node: Starter, person: Person
) -> None:
    """A clear word, with what the file is."""
    with_converter(start_node().node, soffice="/nowhere/soffice")

    person.says("789", "m-1", None, attachments=attached("march.docx", DOCX))

    [reply] = person.hears("789")
    assert "march.docx" in reply.text
    assert "Word document" in reply.text
    assert "PDF" in reply.text


def attached(name: str, content: bytes) -> list[dict[str, Any]]:
    """As a message carries it."""
    import base64

    return [{"name": name, "content_base64": base64.b64encode(content).decode()}]
