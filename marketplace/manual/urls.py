"""Routes of the manual: a page in a language, and the same without one, which leads to the reader's."""

from django.urls import path, re_path

from marketplace.manual import views

urlpatterns = [
    path("docs", views.lead_to_language, name="manual"),
    re_path(r"^docs/(?P<language>en|fr)/$", views.page, {"name": "index"}, name="manual-index"),
    re_path(r"^docs/(?P<language>en|fr)/(?P<name>[a-z-]+)$", views.page, name="manual-page"),
    re_path(r"^docs/(?P<name>[a-z-]*)$", views.lead_to_language, name="manual-any-language"),
]
