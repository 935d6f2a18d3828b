"""A caller over real HTTP: one account with its token, nothing but what an integrator has."""

import ssl
from typing import Any

import httpx

PROBLEM = "application/problem+json"
SECONDS = 30
TRUST = ssl.create_default_context()  # one for all: reading the certificates of the world takes longer than a call

Body = dict[str, Any]


class Caller:
    """`Caller(base_url, token).post("/requests", {...}, expect=201)`; every answer is checked and given as JSON."""

    def __init__(self, base_url: str, token: str = "", name: str = "", **headers: str) -> None:
        given = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        self.name = name
        self.http = httpx.Client(
            base_url=f"{base_url}/api/v1", headers=given, timeout=SECONDS, trust_env=False, verify=TRUST
        )

    def call(
        self, method: str, path: str, body: object = None, *, expect: int, version: str = "", **headers: str
    ) -> httpx.Response:
        """Call a path (or absolute URL) and check the status; ``version`` is the ETag to name in If-Match."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if version:
            given["If-Match"] = version
        answer = self.http.request(method, path, json=body, headers=given)
        assert answer.status_code == expect, (
            f"{self.name} {method} {path} {body}: {answer.status_code}, not {expect}\n{answer.text}"
        )
        return answer

    def get(self, path: str, **headers: str) -> Body:
        """Read."""
        return self._json(self.call("GET", path, expect=200, **headers))

    def etag(self, path: str) -> str:
        """Read the ETag of a thing."""
        return self.call("GET", path, expect=200).headers["ETag"]

    def post(self, path: str, body: object = None, *, expect: int = 200, version: str = "", **headers: str) -> Body:
        """Create, or carry out a verb."""
        return self._json(self.call("POST", path, body, expect=expect, version=version, **headers))

    def patch(self, path: str, body: object, *, version: str) -> Body:
        """Change."""
        return self._json(self.call("PATCH", path, body, expect=200, version=version))

    def decide(self, path: str, body: object = None) -> Body:
        """Carry out a verb of the thing above it, naming the version that is current."""
        return self.post(path, body, version=self.etag(path.rpartition("/")[0]))

    def refused(
        self, method: str, path: str, body: object = None, *, status: int, code: str, version: str = "", **headers: str
    ) -> Body:
        """Call, check that it is refused with this problem in full form, and give the problem."""
        answer = self.call(method, path, body, expect=status, version=version, **headers)
        assert answer.headers["Content-Type"] == PROBLEM, answer.headers
        problem = self._json(answer)
        assert problem["code"] == code, problem
        assert problem["status"] == status
        assert problem["type"].endswith(f"/api/v1/errors/{code}")
        assert problem["title"]
        assert problem["detail"]
        return problem

    def all(self, path: str) -> list[Body]:
        """Read every page of a list."""
        found: list[Body] = []
        url: str | None = path
        while url:
            page = self.get(url)
            found += page["results"]
            url = page["next"]
        return found

    def close(self) -> None:
        """Let the connection go."""
        self.http.close()

    @staticmethod
    def _json(answer: httpx.Response) -> Body:
        body: Body = answer.json()
        return body
