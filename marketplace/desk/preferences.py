"""The page on which people choose what they are told by e-mail, and when."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language_info, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.notifications import preferences
from marketplace.notifications.preferences import Choice
from marketplace.notifications.subjects import WORDS, Cadence, Subject

CADENCES = (
    (Cadence.AT_ONCE.value, _("Each at once")),
    (Cadence.DAILY.value, _("Together, once a day")),
    (Cadence.WEEKLY.value, _("Together, once a week")),
)


class PreferencesForm(forms.Form):
    """What a person chooses; the words of subjects and languages are those of the page."""

    email = forms.BooleanField(required=False, label=_("Tell me by e-mail about steps that concern me"))
    cadence = forms.ChoiceField(choices=CADENCES, widget=forms.RadioSelect, label=_("When"))
    subjects = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label=_("About what"))
    language = forms.ChoiceField(required=False, label=_("Language of the e-mails"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        subjects, language = self.fields["subjects"], self.fields["language"]
        subjects.choices = [(subject.value, gettext(WORDS[subject])) for subject in Subject]  # type: ignore[attr-defined]
        own = [(code, get_language_info(code)["name_local"].capitalize()) for code, _name in settings.LANGUAGES]
        language.choices = [("", gettext("That of my account")), *own]  # type: ignore[attr-defined]


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Show what the person chose, and keep what they choose now."""
    user: Any = request.user
    choice = preferences.choice_of(user)
    form = PreferencesForm(request.POST) if request.method == "POST" else PreferencesForm(initial=_shown(choice))
    if request.method == "POST" and form.is_valid():
        preferences.change(user, at=timezone.now(), **form.cleaned_data)
        messages.success(request, gettext("Your choice is kept."))
        return redirect("mail-preferences")
    facts = {"form": form, "address": user.email, "failing_since": choice.failing_since}
    return render(request, "desk/preferences.html", facts, status=400 if form.errors else 200)


def _shown(choice: Choice) -> dict[str, object]:
    subjects = [subject.value for subject in Subject if subject not in choice.muted]
    return {"email": choice.email, "cadence": choice.cadence.value, "subjects": subjects, "language": choice.language}
