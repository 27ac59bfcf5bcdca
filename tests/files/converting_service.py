"""CloudConvert's HTTP interface, version 2, as far as it is used: jobs by tag, an upload form, an export's address."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from files.file_server import Asked, FileServer, Serve, answer

KEY = "cc-key"


@dataclass
class ConvertingService:
    """One service. pdf: what every document becomes. faults: served instead, first to last, by step."""

    server: FileServer
    pdf: bytes
    faults: dict[str, list[Serve]] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)
    looks_until_done: int = 1
    refuses: bool = False

    @property
    def base_url(self) -> str:
        """What to configure."""
        return self.server.url("/v2")

    def install(self) -> None:
        """Serve."""
        self.server.paths["/v2/jobs"] = self._jobs
        self.server.paths["/upload"] = self._upload
        self.server.paths["/file"] = lambda asked, connection: self._or_fault("file", asked, connection, self._file)

    def _or_fault(self, step: str, asked: Asked, connection: Any, serve: Serve) -> None:
        waiting = self.faults.get(step, [])
        (waiting.pop(0) if waiting else serve)(asked, connection)

    def _jobs(self, asked: Asked, connection: Any) -> None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            answer(401, b'{"message": "Unauthenticated."}')(asked, connection)
        elif asked.method == "POST":
            self._or_fault("make", asked, connection, self._make)
        else:
            self._or_fault("find", asked, connection, self._find)

    def _make(self, asked: Asked, connection: Any) -> None:
        """A new job, made whether or not its answer arrives."""
        self.new_job(json.loads(asked.body))
        _say(201, self.jobs[-1], asked, connection)

    def new_job(self, wanted: dict[str, Any]) -> None:
        """Make one, as the service does before it answers."""
        number = len(self.jobs)
        tasks = [
            {"name": name, "operation": task["operation"], "status": "waiting"}
            for name, task in wanted["tasks"].items()
        ]
        form = {"url": self.server.url("/upload"), "parameters": {"signature": "s", "job": number}}
        tasks[0]["result"] = {"form": form}
        self.jobs.append({"id": f"j{number}", "tag": wanted["tag"], "status": "waiting", "tasks": tasks, "looks": 0})
        self.server.paths[f"/v2/jobs/j{number}"] = lambda asked, connection: self._or_fault(
            "look", asked, connection, lambda a, c: self._look(number, a, c)
        )

    def _find(self, asked: Asked, connection: Any) -> None:
        tag = asked.path.partition("filter[tag]=")[2].partition("&")[0]
        _say(200, [job for job in self.jobs if job["tag"] == tag], asked, connection)

    def _upload(self, asked: Asked, connection: Any) -> None:
        self._or_fault("upload", asked, connection, self._take)

    def _take(self, asked: Asked, connection: Any) -> None:
        number = int(re.search(rb'name="job"\r\n\r\n(\d+)', asked.body)[1])  # type: ignore[index]
        boundary = b"--" + asked.headers["content-type"].partition("boundary=")[2].encode()
        last = asked.body.split(boundary)[-2]
        self.uploads.append(last.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))
        self.jobs[number]["status"] = "processing"
        self.jobs[number]["tasks"][0]["status"] = "finished"
        answer(201)(asked, connection)

    def _look(self, number: int, asked: Asked, connection: Any) -> None:
        job = self.jobs[number]
        job["looks"] += 1
        if job["status"] == "processing" and job["looks"] >= self.looks_until_done:
            self._end(job)
        _say(200, job, asked, connection)

    def _end(self, job: dict[str, Any]) -> None:
        _, converting, exporting = job["tasks"]
        if self.refuses:
            job["status"] = converting["status"] = exporting["status"] = "error"
            converting |= {"code": "INVALID_FILE", "message": "The file is broken"}
            exporting |= {"code": "INPUT_TASK_FAILED", "message": "Input task has failed"}
            return
        job["status"] = converting["status"] = exporting["status"] = "finished"
        exporting["result"] = {"files": [{"filename": "a.pdf", "size": len(self.pdf), "url": self.server.url("/file")}]}

    def _file(self, asked: Asked, connection: Any) -> None:
        assert "authorization" not in asked.headers, "the key belongs to the service alone"
        answer(200, self.pdf)(asked, connection)


def _say(status: int, data: Any, asked: Asked, connection: Any) -> None:
    answer(status, json.dumps({"data": data}).encode(), Content_Type="application/json")(asked, connection)
