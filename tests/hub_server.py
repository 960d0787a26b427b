"""A small Hub on loopback: what the real client asks for when it pushes and loads, and faults on demand.

Repositories with branches and commits, private ones, tokens and their roles, files in commits and large ones by the LFS
protocol, in one piece or several, or by Xet's (tests/xet_storage.py). Everything lies in memory.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from ruamel.yaml import YAML

from tests import xet_storage

OWNER = "hf_ownerOWNERownerOWNERowner012345"
READER = "hf_readerREADERreaderREADERreader01"
STRANGER = "hf_strangerSTRANGERstrangerSTRANG"

USERS = {
    OWNER: {"name": "ada", "orgs": [{"name": "lab", "roleInOrg": "write"}, {"name": "court", "roleInOrg": "read"}]},
    READER: {"name": "ada", "orgs": [], "auth": {"accessToken": {"role": "read"}}},
    STRANGER: {"name": "eve", "orgs": []},
}

DROP = 0
"""As a fault's status: the connection is closed in the middle of the request."""

HOLD = -1
"""As a fault's status: no answer comes until the client is gone."""


@dataclass
class Fault:
    """What goes wrong with requests: the next `times` that match get this status."""

    method: str
    path: str
    status: int
    times: int = 1
    said: str = "made to fail"


@dataclass
class Repository:
    """Commits by hash, each {path: bytes, or the SHA-256 of a large file}, and branches."""

    private: bool
    commits: dict[str, dict[str, bytes | str]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, branch: str, files: dict[str, bytes | str], message: str) -> str:
        sha = hashlib.sha1(f"{len(self.commits)}{message}{branch}".encode()).hexdigest()
        self.commits[sha] = files
        self.branches[branch] = sha
        self.messages.append(message)
        return sha

    def sha(self, revision: str) -> str | None:
        return self.branches.get(revision) or (revision if revision in self.commits else None)


class Hub(ThreadingHTTPServer):
    """The server; `url` is its endpoint."""

    daemon_threads = True

    def __init__(self, part_bytes: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.part_bytes = part_bytes
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.pieces: dict[tuple[str, int], bytes] = {}
        self.xorbs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.lock = threading.Lock()

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """What a repository holds, large files with their content."""
        repository = self.repositories[repo_id]
        held = repository.commits[repository.branches[revision]]
        return {name: self.large[one] if isinstance(one, str) else one for name, one in held.items()}

    def fail(self, method: str, path: str, status: int, times: int = 1, said: str = "made to fail") -> None:
        """Let the next requests whose path holds a pattern fail."""
        self.faults.append(Fault(method, path, status, times, said))

    def sent(self) -> list[str]:
        """The uploads of large files, or of their pieces, that came in whole."""
        return [line for line in self.asked if line.startswith(("PUT /lfs/", "POST /v1/xorbs/"))]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what some tests are about."""


@contextmanager
def running(part_bytes: int | None = None) -> Iterator[Hub]:
    """A Hub that answers until the block ends."""
    hub = Hub(part_bytes)
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


class _Refused(Exception):
    def __init__(self, status: int, said: str, code: str = "") -> None:
        self.status, self.said, self.code = status, said, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_HEAD = do_GET

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        fault = self._fault(path)
        if fault is not None and fault.status == DROP:
            self.rfile.read(min(64, int(self.headers.get("Content-Length", 0))))
            self.connection.close()
            self.close_connection = True
            return None
        body = self._body()
        if fault is not None and fault.status == HOLD:
            self.server.asked.append(f"held {path}")
            self.rfile.read(1)
            self.close_connection = True
            return None
        try:
            if fault is not None:
                raise _Refused(fault.status, fault.said)
            self.server.asked.append(f"{self.command} {path}")
            with self.server.lock:
                answer = self._route(path, body)
        except _Refused as refused:
            said = " ".join(refused.said.split())
            headers = {"X-Error-Message": said, **({"X-Error-Code": refused.code} if refused.code else {})}
            body = json.dumps({"error": said, "errors": [{"message": said}]}).encode()
            return self._send(refused.status, body, headers)
        if answer is not None:
            self._send(200, json.dumps(answer).encode(), {})
        return None

    def _fault(self, path: str) -> Fault | None:
        with self.server.lock:
            for fault in self.server.faults:
                if fault.times and fault.method == self.command and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            chunks = b""
            while size := int(self.rfile.readline(), 16):
                chunks += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return chunks
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # ---- who may what ----

    def _who(self) -> dict[str, Any] | None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given and given not in USERS:
            raise _Refused(401, "Invalid credentials in Authorization header")
        return USERS.get(given)

    def _mine(self, owner: str, *, to_write: bool = True) -> bool:
        who = self._who()
        if who is None or (to_write and who.get("auth", {}).get("accessToken", {}).get("role") == "read"):
            return False
        wanted = {"write", "admin"} if to_write else {"write", "admin", "read"}
        return owner in {who["name"], *(org["name"] for org in who["orgs"] if org["roleInOrg"] in wanted)}

    def _repository(self, repo_id: str, *, to_write: bool = False) -> Repository:
        repository, owner = self.server.repositories.get(repo_id), repo_id.split("/", maxsplit=1)[0]
        if repository is None or (repository.private and not self._mine(owner, to_write=False)):
            # As the Hub has it: who is not let in is not told whether there is anything.
            raise _Refused(404 if self._who() else 401, "Repository not found", "RepoNotFound")
        if to_write and not self._mine(owner):
            raise _Refused(403, "You don't have the rights to write to this repository")
        return repository

    # ---- what is asked for ----

    def _route(self, path: str, body: bytes) -> Any:
        for pattern, name in _ROUTES:
            if found := re.fullmatch(pattern, unquote(path)):
                return getattr(self, name)(body, **found.groupdict())
        raise _Refused(404, f"no such page: {self.command} {path}")

    def whoami(self, _: bytes) -> Any:
        who = self._who()
        if who is None:
            raise _Refused(401, "Invalid username or password.")
        return {"type": "user", **who}

    def create(self, body: bytes) -> Any:
        wanted, who = json.loads(body), self._who()
        if who is None:
            raise _Refused(401, "Invalid username or password.")
        owner = wanted["organization"] or who["name"]
        repo_id = f"{owner}/{wanted['name']}"
        if not self._mine(owner):
            raise _Refused(403, f'You don\'t have the rights to create a model under the namespace "{owner}"')
        if repo_id in self.server.repositories:
            raise _Refused(409, "You already created this model repo")
        private = wanted.get("visibility") == "private" or wanted.get("private") is True
        repository = self.server.repositories[repo_id] = Repository(private)
        repository.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        return {"url": f"{self.server.url}/{repo_id}"}

    def validate_yaml(self, body: bytes) -> Any:
        try:
            _metadata(json.loads(body)["content"].encode())
        except Exception as error:
            raise _Refused(400, f"bad metadata: {error}") from error
        return {}

    def info(self, _: bytes, repo: str, revision: str = "main") -> Any:
        repository = self._repository(repo)
        sha = self._sha(repository, revision)
        files = repository.commits[sha]
        card = _metadata(files["README.md"]) if isinstance(files.get("README.md"), bytes) else {}
        siblings = [{"rfilename": name} for name in sorted(files)]
        return {
            "id": repo,
            "modelId": repo,
            "sha": sha,
            "private": repository.private,
            "siblings": siblings,
            "cardData": card,
            "tags": card.get("tags", []),
        }

    def tree(self, _: bytes, repo: str, revision: str) -> Any:
        repository = self._repository(repo)
        files = repository.commits[self._sha(repository, revision)]
        return [self._entry(name, content) for name, content in sorted(files.items())]

    def _entry(self, name: str, content: bytes | str) -> dict[str, Any]:
        size = len(self.server.large[content] if isinstance(content, str) else content)
        entry = {"type": "file", "path": name, "size": size, "oid": _oid(content)}
        return {**entry, "lfs": {"oid": content, "size": size, "pointerSize": 1}} if isinstance(content, str) else entry

    def branch(self, _: bytes, repo: str, revision: str) -> Any:
        repository = self._repository(repo, to_write=True)
        if revision in repository.branches:
            raise _Refused(409, "Reference already exists")
        repository.branches[revision] = repository.branches["main"]
        return {}

    def preupload(self, body: bytes, repo: str, revision: str) -> Any:
        repository = self._repository(repo, to_write=True)
        files = repository.commits[self._sha(repository, revision)]
        return {
            "files": [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                    "oid": _oid(files[one["path"]]) if one["path"] in files else None,
                }
                for one in json.loads(body)["files"]
            ]
        }

    def batch(self, body: bytes, repo: str) -> Any:
        self._repository(repo, to_write=True)
        return {"transfer": "basic", "objects": [self._object(one) for one in json.loads(body)["objects"]]}

    def _object(self, one: dict[str, Any]) -> dict[str, Any]:
        oid, size, part = one["oid"], one["size"], self.server.part_bytes
        if oid in self.server.large:
            return one
        href = f"{self.server.url}/lfs/{oid}"
        action: dict[str, Any] = {"href": href}
        if part is not None and size > part:
            header = {str(i + 1): f"{href}/part/{i + 1}" for i in range(-(-size // part))}
            action = {"href": f"{href}/complete", "header": {"chunk_size": str(part), **header}}
        return {**one, "actions": {"upload": action}}

    def put(self, body: bytes, oid: str) -> Any:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _Refused(400, "the content is not that of its hash")
        self.server.large[oid] = body
        return {}

    def put_part(self, body: bytes, oid: str, part: str) -> Any:
        self.server.pieces[oid, int(part)] = body
        self._send(200, b"{}", {"ETag": hashlib.md5(body).hexdigest()})

    def complete(self, body: bytes, oid: str) -> Any:
        parts = [part["partNumber"] for part in json.loads(body)["parts"]]
        return self.put(b"".join(self.server.pieces[oid, number] for number in parts), oid)

    def xet_token(self, _: bytes, repo: str, revision: str) -> Any:
        self._sha(self._repository(repo, to_write=True), revision)
        return {"accessToken": xet_storage.TOKEN, "exp": int(time.time()) + 3600, "casUrl": self.server.url}

    def put_xorb(self, body: bytes, xorb: str) -> Any:
        self._let_into_storage()
        self.server.xorbs[xorb] = body
        return {"was_inserted": True}

    def put_shard(self, body: bytes) -> Any:
        self._let_into_storage()
        try:
            self.server.large.update(xet_storage.files(body, self.server.xorbs))
        except (KeyError, ValueError) as error:
            raise _Refused(400, f"bad shard: {error}") from error
        return {"result": 1}

    def _let_into_storage(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {xet_storage.TOKEN}":
            raise _Refused(401, "no token of the storage")

    def commit(self, body: bytes, repo: str, revision: str) -> Any:
        repository = self._repository(repo, to_write=True)
        files = dict(repository.commits[self._sha(repository, revision)])
        summary = ""
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "header":
                    summary = value["summary"]
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in self.server.large:
                        raise _Refused(400, f"{value['path']} was not sent")
                    files[value["path"]] = value["oid"]
                case "deletedFile":
                    del files[value["path"]]
        sha = repository.commit(revision, files, summary)
        return {"success": True, "commitOid": sha, "commitUrl": f"{self.server.url}/{repo}/commit/{sha}"}

    def resolve(self, _: bytes, repo: str, revision: str, file: str) -> Any:
        repository = self._repository(repo)
        sha = self._sha(repository, revision)
        content = repository.commits[sha].get(file)
        if content is None:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        data = self.server.large[content] if isinstance(content, str) else content
        etag = f'"{content if isinstance(content, str) else _oid(content)}"'
        self._send(200, data, {"ETag": etag, "X-Repo-Commit": sha, "Content-Type": "application/octet-stream"})

    def _sha(self, repository: Repository, revision: str) -> str:
        sha = repository.sha(revision)
        if sha is None:
            raise _Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return sha


def _oid(content: bytes | str) -> str:
    """As the Hub has it: of a large file its SHA-256, of another the hash of git."""
    return content if isinstance(content, str) else hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _metadata(card: bytes | str) -> dict[str, Any]:
    text = card.decode() if isinstance(card, bytes) else ""
    found = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    return dict(YAML(typ="safe").load(found.group(1)) or {}) if found else {}


_REPO = r"(?P<repo>[^/]+/[^/]+)"
_OID = r"(?P<oid>[0-9a-f]{64})"
_ROUTES = (
    ("/api/whoami-v2", "whoami"),
    ("/api/repos/create", "create"),
    ("/api/validate-yaml", "validate_yaml"),
    (f"/api/models/{_REPO}", "info"),
    (f"/api/models/{_REPO}/revision/(?P<revision>[^/]+)", "info"),
    (f"/api/models/{_REPO}/tree/(?P<revision>[^/]+)", "tree"),
    (f"/api/models/{_REPO}/branch/(?P<revision>[^/]+)", "branch"),
    (f"/api/models/{_REPO}/preupload/(?P<revision>[^/]+)", "preupload"),
    (f"/api/models/{_REPO}/commit/(?P<revision>[^/]+)", "commit"),
    (f"/api/models/{_REPO}/xet-write-token/(?P<revision>[^/]+)", "xet_token"),
    ("/v1/xorbs/default/(?P<xorb>[0-9a-f]{64})", "put_xorb"),
    ("/v1/shards", "put_shard"),
    (rf"/{_REPO}\.git/info/lfs/objects/batch", "batch"),
    (f"/lfs/{_OID}", "put"),
    (f"/lfs/{_OID}/part/(?P<part>[0-9]+)", "put_part"),
    (f"/lfs/{_OID}/complete", "complete"),
    (f"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "resolve"),
)
