"""Routes of the web face."""

from django.urls import path

from marketplace.desk import views

urlpatterns = [
    path("", views.start, name="start"),
    path("language", views.choose_language, name="choose-language"),
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
]
