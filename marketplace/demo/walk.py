"""The first minute of an integrator, ready to run: from a need to an engagement with `curl` alone."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from marketplace.demo.logins import Login

# Whose word each step needs. Two officers, because the partner belongs to the secretariat's own house.
NAMES = {
    "FOCAL": "demo-focal-en",
    "OFFICER": "demo-officer",
    "SECOND": "demo-officer-2",
    "PARTNER": "demo-provider",
}
PARTNER = "CIFAL-JEJU"

HEAD = """\
#!/bin/sh
# From a need to an engagement over HTTP: needs curl and python3. May be run again: each time is a new need.
set -eu
API={base_url}/api/v1
{tokens}
NOTHING='{{}}'
call() {{  # call TOKEN METHOD PATH [BODY]
  curl --silent --show-error --fail-with-body -X "$2" "$API$3" -H "Authorization: Bearer $1" \\
    -H 'Content-Type: application/json' -H 'If-Match: *' -d "${{4:-$NOTHING}}"
}}
get() {{ curl --silent --show-error --fail-with-body "$API$2" -H "Authorization: Bearer $1"; }}
pick() {{ python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }}
"""

STEPS = """
echo '1. A need is drafted and submitted, and the secretariat opens it.'
ID=$(call "$FOCAL" POST /requests '{body}' | pick 'd["id"]')
REF=$(call "$FOCAL" POST "/requests/$ID/submit" | pick 'd["reference"]')
call "$OFFICER" POST "/requests/$REF/open" | pick 'd["reference"], "is", d["state"]'

echo '2. The engine ranks what is on offer: 202, then poll.'
RUN=$(call "$OFFICER" POST /match-runs '{{"request": "'"$REF"'"}}' | pick 'd["id"]')
until get "$OFFICER" "/match-runs/$RUN" | pick 'd["state"]' | grep -qv 'queued\\|running'; do sleep 0.5; done

echo '3. The best proposals, with their reasons.'
FOUND=$(get "$OFFICER" "/requests/$REF/proposals")
printf %s "$FOUND" | pick '*[str(p["score_100"]) + " " + p["lead"] for p in d["results"]], sep=chr(10)'
printf %s "$FOUND" | pick '*[reason["sentence"]["text"]["en"]
  for reason in d["results"][0]["reasons"]["lines"][0]["breakdown"][:3]], sep=chr(10)'
PROPOSAL=$(printf %s "$FOUND" | pick '[p["id"] for p in d["results"] if p["lead"] == "{partner}"][0]')

echo '4. Shortlist, ask the requester, approve: two officers, as the partner belongs to the secretariat'"'"'s house.'
call "$OFFICER" POST "/proposals/$PROPOSAL/shortlist" | pick 'd["state"]'
call "$OFFICER" POST "/proposals/$PROPOSAL/consult" | pick 'd["state"]'
call "$FOCAL" POST "/proposals/$PROPOSAL/prefer" | pick 'd["state"]'
call "$OFFICER" POST "/proposals/$PROPOSAL/approve" | pick 'd["state"]'
call "$SECOND" POST "/proposals/$PROPOSAL/approve" | pick 'd["state"]'

echo '5. The partner accepts: the engagement exists.'
PART=$(get "$PARTNER" "/proposals/$PROPOSAL/parts" | pick 'd["results"][0]["id"]')
call "$PARTNER" POST "/proposals/$PROPOSAL/parts/$PART/accept" > /dev/null
get "$FOCAL" "/engagements?request=$REF" | pick 'd["results"][0]["reference"], d["results"][0]["state"]'

echo '6. All of it is in the feed.'
get "$OFFICER" '/events?after=0&type=engagement.created&limit=1000' | pick 'd["results"][-1]["type"], d["results"][-1]["reference"]'
"""


def script(base_url: str, logins: list[Login], *, year: int) -> str:
    """Give the script; its need lies in ``year``."""
    tokens = {login.login: login.token for login in logins}
    lines = "\n".join(f"{name}={tokens[login]}  # {login}" for name, login in NAMES.items())
    body = json.dumps(need(year), ensure_ascii=False, indent=2)
    return HEAD.format(base_url=base_url, tokens=lines) + STEPS.format(body=body, partner=PARTNER)


def need(year: int) -> Mapping[str, object]:
    """Give the need of the walk."""
    return {
        "requesting_organization": "UNDP",
        "title": {"en": "Protecting victims of trafficking: local authorities of Bangladesh"},
        "need_statement": {"en": "Officials of six districts need to recognize and protect victims of trafficking."},
        "language": "en",
        "lines": [
            {
                "theme": "trafficking-victims",
                "audience": "local_regional_authorities",
                "country": "BGD",
                "language": "en",
                "participants": {"min": 15, "max": 20},
            }
        ],
        "window": {"start": f"{year}-01-01", "end": f"{year}-12-31", "precision": "year"},
        "visibility": "group",
    }


def write(path: Path, text: str) -> None:
    """Write the script where only its owner reads it: it holds tokens."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w", encoding="utf-8") as file:
        file.write(text)


def show(console: Console, path: Path) -> None:
    """Print the script, to be read and pasted."""
    console.print(f"\nThe first minute of an integrator; ready to run: sh {path}\n", style="bold", highlight=False)
    console.print(path.read_text(encoding="utf-8"), highlight=False, markup=False, soft_wrap=True)
