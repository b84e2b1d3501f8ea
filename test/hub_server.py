"""A stand-in for the Hugging Face hub on the loopback: what huggingface_hub asks of it, no more."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_stand_in"  # the one that may write, and read what is private


@dataclass
class Repository:
    """Commits of a model, oldest first: name to content of its files; further names of commits."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    private: bool = False

    def commit(self, changes: dict[str, bytes]) -> str:
        """Add a commit; return its name."""
        files = {**(list(self.commits.values())[-1] if self.commits else {}), **changes}
        name = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[name] = files
        self.tags["main"] = name
        return name


class HubServer:
    """Serves ``models``, name to Repository, at ``url`` while the block lasts."""

    def __init__(self) -> None:
        self.models: dict[str, Repository] = {}
        self.asked: list[str] = []  # method and path of each request
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:  # noqa: N802
                hub.asked.append(f"{self.command} {self.path}")
                path = self.path.split("?")[0]
                if match := re.fullmatch(
                    r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path
                ):
                    name, what, revision = match.groups()
                    if commit := self._commit(name, revision):
                        files = hub.models[name].commits[commit]
                        listed = [
                            {"type": "file", "path": p, "size": len(c), "oid": _hash(c)}
                            for p, c in files.items()
                        ]
                        siblings = [{"rfilename": path} for path in files]
                        whole = {"id": name, "sha": commit, "siblings": siblings}
                        self._json(listed if what == "tree" else whole)
                elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                    name, revision, file = match.groups()
                    if commit := self._commit(name, revision):
                        content = hub.models[name].commits[commit].get(file)
                        if content is None:
                            self._refuse(404, "EntryNotFound")
                        else:
                            etag = {"ETag": f'"{_hash(content)}"', "X-Repo-Commit": commit}
                            self._answer(200, content, "application/octet-stream", etag)
                else:
                    self._refuse(404, "RepoNotFound")

            do_HEAD = do_GET  # noqa: N815

            def do_POST(self) -> None:  # noqa: N802
                hub.asked.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/api/validate-yaml":
                    return self._json({"errors": [], "warnings": []})
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self._refuse(401, "")
                if self.path == "/api/repos/create":
                    asked = json.loads(body)
                    name = f"{asked.get('organization') or 'user'}/{asked['name']}"
                    hub.models.setdefault(name, Repository()).commit({})
                    return self._json({"url": f"{hub.url}/{name}", "id": name})
                name, what = re.fullmatch(
                    r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", self.path
                ).groups()
                if what == "preupload":
                    files = json.loads(body)["files"]
                    modes = [{"path": f["path"], "uploadMode": "regular"} for f in files]
                    return self._json({"files": [{**m, "shouldIgnore": False} for m in modes]})
                lines = [json.loads(line) for line in body.splitlines()]
                values = [line["value"] for line in lines if line["key"] == "file"]
                new = {one["path"]: base64.b64decode(one["content"]) for one in values}
                commit = hub.models[name].commit(new)
                self._json({"commitUrl": f"{hub.url}/{name}/commit/{commit}", "commitOid": commit})

            def _commit(self, name: str, revision: str) -> str | None:
                repository = hub.models.get(name)
                allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                if repository is None or (repository.private and not allowed):
                    self._refuse(404, "RepoNotFound")
                    return None
                commit = repository.tags.get(revision, revision)
                if commit in repository.commits:
                    return commit
                self._refuse(404, "RevisionNotFound")
                return None

            def _json(self, value: Any) -> None:
                self._answer(200, json.dumps(value).encode(), "application/json", {})

            def _refuse(self, status: int, code: str) -> None:
                self._answer(status, b"{}", "application/json", {"X-Error-Code": code})

            def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
                self.send_response(status)
                sizes = {"Content-Type": kind, "Content-Length": str(len(body))}
                for key, value in {**sizes, **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _hash(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
