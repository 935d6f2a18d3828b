"""Planning over HTTP on a running marketplace: wall time of each call, CPU time of all its processes.

    .venv/bin/python bench/plan_over_http.py http://127.0.0.1:8000 TOKEN --parent PID

TOKEN is of a secretariat officer, PID of the process whose children serve (`manage.py demo`); without it no CPU is told.
"""

import argparse
import json
import os
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")
TRIES = 1_200
QUESTIONS = 4  # of why not: the first, and some further down
DEMO = Path(__file__).resolve().parent.parent / "marketplace" / "demo" / "data" / "demo.json"


def cpu_seconds(parent: int | None) -> float:
    """Add up the CPU time of a process and all that it started, ended children included."""
    if parent is None:
        return 0.0
    stats = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        stats[int(folder.name)] = (int(fields[1]), sum(int(number) for number in fields[11:15]) / TICKS)
    members, grew = {parent}, True
    while grew:
        more = {pid for pid, (above, _) in stats.items() if above in members} - members
        members, grew = members | more, bool(more)
    return sum(stats[pid][1] for pid in members if pid in stats)


class Api:
    """One officer's calls, each measured."""

    def __init__(self, root: str, token: str, parent: int | None) -> None:
        self.root, self.token, self.parent = f"{root}/api/v1", token, parent

    def call(self, method: str, path: str, body: Any = None, accept: str = "application/json") -> Any:
        """Call and return the parsed answer, bytes where it is no JSON. Raises urllib.error.HTTPError."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept": accept}
        content = None if body is None else json.dumps(body).encode()
        url = path if path.startswith("http") else self.root + path
        request = urllib.request.Request(url, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            data = answer.read()
        return json.loads(data) if accept == "application/json" else data

    def measured(self, what: str, do: Callable[[], Any]) -> Any:
        """Do something and print how long it took."""
        began, before = time.perf_counter(), cpu_seconds(self.parent)
        found = do()
        wall, cpu = time.perf_counter() - began, cpu_seconds(self.parent) - before
        print(f"| {what} | {wall:.2f} | {cpu:.2f} |", flush=True)
        return found

    def run(self, **body: Any) -> Any:
        """Ask for a run and wait for its end."""
        run = self.call("POST", "/match-runs", body)
        for _ in range(TRIES):
            if run["state"] not in ("queued", "running"):
                return run
            time.sleep(POLL_SECONDS)
            run = self.call("GET", f"/match-runs/{run['id']}")
        raise TimeoutError(run["id"])

    def pages(self, path: str) -> list[Any]:
        """Read a list to its end."""
        found, page = [], self.call("GET", path)
        while True:
            found += page["results"]
            if not page["next"]:
                return found
            page = self.call("GET", page["next"])


def why_not(api: Api, plan: str, served: list[Any]) -> None:
    """Ask of a few lines, spread over the plan, what taking their next best offering would change."""
    open_ones = [(line, other) for line in served if (other := _another(line)) is not None]
    for line, other in open_ones[:: max(1, len(open_ones) // QUESTIONS)][:QUESTIONS]:
        asked = {"request": line["request"], "line": line["line"], "offering": other}
        answer = api.measured(
            "why not another offering", partial(api.call, "POST", f"/match-runs/{plan}/why-not", asked)
        )
        said = answer["sentences"][0]["text"]["en"] if answer["sentences"] else ""
        print(f"  possible: {answer['possible']}, lines moved: {len(answer['moves'])}. {said}")


def _another(line: Any) -> str | None:
    """Give the first alternate that is another offering than the one chosen, not only another date of it."""
    return next((entry["name"] for entry in line["alternates"] if entry["name"] != line["offering"]), None)


def teams(api: Api) -> None:
    """Read what is proposed for the needs of the demo that take several partners."""
    for case in json.loads(DEMO.read_text())["cases"]["team_needed"]:
        path = f"/requests/{case['request']}/proposals"
        found = api.measured(f"proposals for {case['request']}", partial(api.call, "GET", path))["results"]
        for proposal in found[:1]:
            partners = sorted(part["provider"] for part in proposal["parts"])
            print(
                f"  {len(found)} proposals; the best by {', '.join(partners)}; as the data says: {partners == case['team']}"
            )


def main() -> None:
    """Walk and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    parser.add_argument("token")
    parser.add_argument("--parent", type=int)
    chosen = parser.parse_args()
    api = Api(chosen.root, chosen.token, chosen.parent)
    print("| what | wall s | CPU s |\n|---|---|---|")
    plan = api.measured("portfolio run, until its answer", lambda: api.run(mode="portfolio"))
    api.measured(
        "the run with prices, fairness, stages", lambda: api.call("GET", f"/match-runs/{plan['id']}?expand=result")
    )
    lines = api.measured(
        "all lines of the plan, page by page", lambda: api.pages(f"/match-runs/{plan['id']}/plan?page_size=100")
    )
    served = [line for line in lines if line["alternates"]]
    print(
        f"{len(lines)} lines, {sum(line['outcome'] == 'served' for line in lines)} served, {len(served)} with alternates"
    )
    why_not(api, plan["id"], served)
    reasons = Counter(line["unmet_reason"] for line in lines if line["outcome"] == "unmet")
    print(f"unmet by reason: {dict(reasons.most_common())}")
    teams(api)
    unmet = next(line for line in lines if line["outcome"] == "unmet")
    idea = {
        "code": "NEW-COURSE",
        "themes": [unmet["theme"]],
        "form": "workshop",
        "modality": "in_person",
        "languages": [unmet["language"] or "en"],
        "audiences": ["national_government"],
        "duration_hours": 12,
        "participants_min": 5,
        "participants_max": 40,
        "on_request": True,
        "in_country_on_request": True,
    }
    answer = api.measured(
        "what if one more offering", lambda: api.run(mode="what_if", parameters={"changes": {"offerings": [idea]}})
    )
    result = api.call("GET", f"/match-runs/{answer['id']}?expand=result")["result"]
    print(f"served with it: {result['served_by_class']}")
    for accept, name in (
        ("application/json", "JSON"),
        ("text/csv", "CSV"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"),
    ):
        api.measured(f"gap report, {name}", partial(api.call, "GET", "/reports/gap", accept=accept))


if __name__ == "__main__":
    main()
