"""Where the links of e-mails lead: to the thing, by way of the sign-in page, and out of the list."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.notifications import queries, sight, unsubscribing

MOST_TOLD = 20  # notices on the page of a thing


@never_cache
@login_required
@require_GET
def open_thing(request: HttpRequest, resource: str, public_id: UUID) -> HttpResponse:
    """Show what the person was told of a thing that they see, and lead on; raises Http404 for all others, known or not."""
    assert isinstance(request.user, User)  # noqa: S101  login_required; said for the type checker
    actor, thing = Actor.for_user(request.user), (resource, public_id)
    place = sight.places_for(actor, [thing], at=timezone.now()).get(thing)
    if place is None:
        raise Http404
    language = get_language() or settings.LANGUAGE_CODE
    notices = list(queries.notices_about(actor, *thing)[:MOST_TOLD])
    told = [(notice.created_at, queries.text_of(notice, language)) for notice in notices]
    name = next((notice.about_reference for notice in notices if notice.about_reference), str(public_id))
    return render(request, "desk/thing.html", {"name": name, "told": told, "place": place})


@never_cache
@csrf_exempt  # mail providers post it (RFC 8058), without a session; the token says who, and nothing else can be done
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, for mail scanners follow links, and end e-mail to the person on POST; raises Http404 for a false token."""
    person = unsubscribing.person_of(token)
    if person is None:
        raise Http404
    if request.method == "POST":
        unsubscribing.unsubscribe(person, at=timezone.now())
    return render(request, "desk/unsubscribe.html", {"is_done": request.method == "POST"})
