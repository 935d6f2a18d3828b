"""Keeping what a request said before an edit that mattered."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from requests_app.models import RequestRevision, TrainingRequest
from requests_app.operations.content import RequestContent, as_json

LABEL_LENGTH = 200


def keep_revision(
    request: TrainingRequest, before: RequestContent, changed: list[str], *, actor: Actor, at: datetime
) -> None:
    """Store the former content of a locked request and count its content version; the caller saves the request.

    What the engine had answered was for the former content.
    """
    RequestRevision.objects.create(
        request=request,
        content_version=request.content_version,
        content=as_json(before),
        changed=changed,
        replaced_at=at,
        editor=actor.label[:LABEL_LENGTH],
    )
    request.content_version += 1
    request.ranked_at = None
