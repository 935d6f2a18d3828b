"""Requests can be imported, as drafts of their organizations."""

from functools import partial

from marketplace.accounts.roles import Permission
from marketplace.bulk.targets import Target, list_target, one_by_one
from requests_app import operations
from requests_app.api.serializers import RequestIn

list_target(
    Target(
        "requests",
        RequestIn,
        Permission.REQUESTS_WRITE,
        "external_id",
        one_by_one(partial(operations.file_request, lines_in_place=True), "training_request"),
    )
)
