"""Where the links of e-mails lead: to the thing, by way of the sign-in page, and out of the list."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.notifications import sight, unsubscribing


@never_cache
@login_required
@require_GET
def open_thing(request: HttpRequest, resource: str, public_id: UUID) -> HttpResponseRedirect:
    """Lead to a thing that the person sees; raises Http404 for all others, whether they exist or not."""
    assert isinstance(request.user, User)  # noqa: S101  login_required; said for the type checker
    thing = (resource, public_id)
    place = sight.places_for(Actor.for_user(request.user), [thing], at=timezone.now()).get(thing)
    if place is None:
        raise Http404
    return redirect(place)


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
