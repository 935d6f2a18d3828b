"""Pages for people who write clients: the same for everybody, without sign-in, script or cookie."""

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, override
from django.views.decorators.http import conditional_page, require_safe

from marketplace.manual.pages import LANGUAGES, NAMES, page_of, titles

CACHE = "public, max-age=300"
STRICT = {"script-src": [NONE], "connect-src": [NONE], "form-action": [NONE], "img-src": [SELF]}


@require_safe
@conditional_page
@csp_replace(STRICT)  # type: ignore[arg-type]  # typed for views without arguments
def page(request: HttpRequest, language: str, name: str) -> HttpResponse:
    """Show one page in one language. Raises Http404 where there is none of this name."""
    if name not in NAMES or (name == "index" and not request.path.endswith("/")):
        raise Http404
    found = page_of(name, language, request.build_absolute_uri("/")[:-1])
    with override(language):
        places = {"page": found, "titles": titles(language), "language": language, "languages": LANGUAGES}
        response = render(request, "manual/page.html", places)
    response.headers["Content-Language"] = language
    response.headers["Cache-Control"] = CACHE
    return response


@require_safe
def lead_to_language(request: HttpRequest, name: str = "") -> HttpResponse:
    """Lead to the page in the reader's language; a browser keeps the place in the page. Raises Http404."""
    language = (get_language() or "en").partition("-")[0]
    language = language if language in LANGUAGES else "en"
    if name in ("", "index"):
        response = redirect("manual-index", language=language)
    elif name in NAMES:
        response = redirect("manual-page", language=language, name=name)
    else:
        raise Http404
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response
