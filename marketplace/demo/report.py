"""What the demo prints: needs with their best proposals, logins, and the first minute of an integrator."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from marketplace.demo.logins import Login
from marketplace.demo.oauth import Credentials
from marketplace.demo.ranking import TOP, Ranked

OUTCOMES = {"no_solution": "nobody fits", "failed": "run failed", "queued": "being ranked", "running": "being ranked"}
LEAST_TITLE, OTHERS = 16, 88  # columns: the title gives way to the rest


def show_needs(console: Console, needs: Iterable[Ranked]) -> None:
    """Print the open needs with their best proposals."""
    table = Table(title="Open needs and their best proposals", title_justify="left", caption_justify="left")
    table.caption = "Score: 100 is a perfect fit. (part): some lines stay open."
    table.add_column("need", no_wrap=True)
    table.add_column("title", overflow="ellipsis", no_wrap=True, max_width=max(LEAST_TITLE, console.width - OTHERS))
    table.add_column("best partners", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("others", justify="right", no_wrap=True)
    for need in needs:
        if need.score is None:
            table.add_row(need.reference, need.title, "-", "", OUTCOMES.get(need.outcome, "not ranked yet"), "")
            continue
        partners = need.partners if need.covers_all else f"{need.partners} (part)"
        score = f"{need.score * 100 / TOP:.1f}"
        table.add_row(need.reference, need.title, partners, score, need.state, str(need.others or ""))
    console.print(table)


def show_logins(console: Console, logins: Sequence[Login], *, path: str) -> None:
    """Print the accounts with their secrets; tokens stand alone, so that they can be copied whole."""
    table = Table(title=f"Accounts (also in {path}, for scripts)", title_justify="left")
    for column in ("role", "organization", "login", "password"):
        table.add_column(column, no_wrap=True)
    for login in logins:
        table.add_row(login.role, login.organization, login.login, login.password or "-")
    console.print(table)
    console.print("Tokens (Authorization: Bearer ...)", style="italic")
    for login in logins:
        console.print(f"  {login.login:<18} {login.token}", highlight=False, markup=False, soft_wrap=True)


def show_oauth(console: Console, oauth: Credentials) -> None:
    """Print how the integrating system gets a short token with its own secret (OAuth 2.0)."""
    console.print(f"OAuth 2.0, as {oauth.client_id} (client credentials)", style="italic")
    console.print(f"  {oauth.curl}", highlight=False, markup=False, soft_wrap=True)


def show_where(console: Console, base_url: str, letters: Path | None) -> None:
    """Print where to look; ``letters`` is the file that e-mail is written to instead of being sent."""
    console.print(f"\nStart page      {base_url}/", highlight=False)
    console.print(f"Try the API     {base_url}/api/v1/docs   (manual: {base_url}/docs)", highlight=False)
    if letters is not None:
        console.print(f"E-mail          {letters}", highlight=False, soft_wrap=True)
    console.print("Ctrl-C stops everything; what was done is kept. `make demo-reset` starts afresh.\n", highlight=False)
