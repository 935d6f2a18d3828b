"""Events of the identity room, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "browser_session.ended": _("A session was ended."),
    "client_secret.created": _("A secret of an application was made."),
    "client_secret.revoked": _("A secret of an application was ended."),
    "oauth_application.changed": _("An application changed."),
    "oauth_application.created": _("An application was registered."),
    "oauth_application.ended_for_person": _("A person ended what an application did in their name."),
    "user.invited": _("A person was invited."),
    "user.second_factor_taken": _("The second factors of a person were taken away."),
}
