"""CloudConvert's HTTP interface, version 2: a job of import, convert and export, looked at until it has ended.

Before a job is made, the service is asked whether it has one under our tag already: a conversion whose answer was lost
is not paid for twice. Source: https://cloudconvert.com/api/v2/jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

import msgspec

from actors.converter.outcome import ConversionRefused
from messages.records import ATTACHMENT_BYTES_MAX

if TYPE_CHECKING:
    from supervision.world import World

LOOK_S: Final = 0.5
IDLE_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 1_000_000
_OK: Final = range(200, 300)
_REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Its own words for what is the file's fault.
_REFUSALS: Final = frozenset({"INVALID_FILE", "CONVERSION_FAILED", "UNSUPPORTED", "INVALID_PASSWORD", "FILE_CORRUPT"})


class CloudConvertError(Exception):
    """The service answered with a failure; status, headers and body are its own, for the classification."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"CloudConvert answered {status}: {body[:300].decode(errors='replace')}")
        self.status_code, self.headers, self.body = status, headers, body


class _Form(msgspec.Struct):
    url: str
    parameters: dict[str, Any] = {}


class _File(msgspec.Struct):
    url: str
    size: int | None = None


class _Result(msgspec.Struct):
    form: _Form | None = None
    files: list[_File] = []


class _Task(msgspec.Struct):
    name: str | None = None
    operation: str = ""
    status: str = ""
    code: str | None = None
    message: str | None = None
    result: _Result | None = None


class _Job(msgspec.Struct):
    id: str
    status: str = ""
    tasks: list[_Task] = []

    def task(self, operation: str) -> _Task | None:
        return next((task for task in self.tasks if task.operation == operation), None)


class _JobAnswer(msgspec.Struct):
    data: _Job


class _JobsAnswer(msgspec.Struct):
    data: list[_Job]


class CloudConvert:
    """The service under one key, within one deadline."""

    def __init__(self, world: World, base_url: str, key: str, by_s: float, *, allow_private: bool = False) -> None:
        """by_s: monotonic, for everything."""
        self._world = world
        self._base = base_url.rstrip("/")
        self._key, self._by_s, self._allow_private = key, by_s, allow_private

    def pdf_of(self, content: bytes, kind: str, tag: str) -> bytes:
        """The document as a PDF.

        Raises ConversionRefused when it is the file's fault; CloudConvertError, httpcore2's errors and TimeoutError
        (the deadline) otherwise.
        """
        job = self._known(tag) or self._made(kind, tag)
        uploading = job.task("import/upload")
        if uploading is not None and uploading.status == "waiting":
            self._upload(uploading, content, kind)
        while job.status not in ("finished", "error"):
            self._world.sleep(min(LOOK_S, max(self._by_s - self._world.now(), 0.0)))
            job = self._job("GET", f"/jobs/{quote(job.id, safe='')}")
        return self._exported(job)

    def _known(self, tag: str) -> _Job | None:
        """The job that an earlier attempt has made, unless it failed."""
        raw = self._call("GET", f"/jobs?filter[tag]={quote(tag, safe='')}&include=tasks")
        jobs = msgspec.json.decode(raw, type=_JobsAnswer).data
        return next((job for job in jobs if job.status != "error"), None)

    def _made(self, kind: str, tag: str) -> _Job:
        tasks = {
            "import-it": {"operation": "import/upload"},
            "convert-it": {
                "operation": "convert", "input": "import-it", "input_format": kind, "output_format": "pdf",
            },
            "export-it": {"operation": "export/url", "input": "convert-it"},
        }  # fmt: skip
        return self._job("POST", "/jobs", {"tag": tag, "tasks": tasks})

    def _job(self, method: str, path: str, body: Any = None) -> _Job:
        return msgspec.json.decode(self._call(method, path, body), type=_JobAnswer).data

    def _upload(self, task: _Task, content: bytes, kind: str) -> None:
        if task.result is None or task.result.form is None:
            raise CloudConvertError(200, {}, b"a waiting upload without a form")
        form = task.result.form
        boundary = f"b-{self._world.nonce()}"
        fields = {name: str(value) for name, value in form.parameters.items()}
        body = multipart(boundary, fields, f"document.{kind}", content)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._ask("POST", form.url, headers, body, ANSWER_BYTES_MAX)

    def _exported(self, job: _Job) -> bytes:
        if job.status == "error":
            failed = next(
                (task for task in job.tasks if task.status == "error" and task.code != "INPUT_TASK_FAILED"), None
            )
            code, words = (failed.code or "", failed.message or "") if failed is not None else ("", "")
            if code.upper() in _REFUSALS or (failed is not None and failed.operation == "convert"):
                raise ConversionRefused(f"{code}: {words}"[:300])
            raise CloudConvertError(500, {}, f"the job failed: {code} {words}".encode())
        exported = job.task("export/url")
        files = exported.result.files if exported is not None and exported.result is not None else []
        if not files:
            raise CloudConvertError(500, {}, b"the job has ended without a file")
        content = self._ask("GET", files[0].url, {}, None, ATTACHMENT_BYTES_MAX + 1)
        if len(content) > ATTACHMENT_BYTES_MAX:
            raise ConversionRefused("the PDF is larger than may be read")
        if files[0].size not in (None, len(content)):
            raise CloudConvertError(502, {}, b"the file is not whole")
        return content

    def _call(self, method: str, path: str, body: Any = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        raw = None
        if body is not None:
            raw = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        return self._ask(method, self._base + path, headers, raw, ANSWER_BYTES_MAX)

    def _ask(self, method: str, url: str, headers: dict[str, str], content: bytes | None, bytes_max: int) -> bytes:
        """One request; a redirect is followed without the key, and only where nothing is sent."""
        from supervision.world_http import HttpRequest, http_answer

        for _ in range(_REDIRECTS_MAX):
            request = HttpRequest(url, self._by_s, method, headers, content, IDLE_S, self._allow_private)
            with http_answer(request) as answer:
                if answer.status in _REDIRECTS and method == "GET" and answer.headers.get("location"):
                    url, headers = urljoin(url, answer.headers["location"]), {}
                    continue
                body = answer.body(bytes_max)
                if answer.status not in _OK:
                    raise CloudConvertError(answer.status, answer.headers, body[:2000])
                return body
        raise CloudConvertError(502, {}, b"it redirects without end")


def multipart(boundary: str, fields: dict[str, str], file_name: str, content: bytes) -> bytes:
    """A form with a file at its end (RFC 7578). Names and values are the service's own, and hold no line breaks."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(file_name)}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), content, f"\r\n--{boundary}--\r\n".encode()])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
