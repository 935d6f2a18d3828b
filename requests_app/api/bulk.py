"""Requests can be imported, as drafts of their organizations."""

from marketplace.accounts.roles import Permission
from marketplace.bulk.targets import Target, list_target, one_by_one
from requests_app import operations
from requests_app.api.serializers import RequestRowIn

list_target(
    Target(
        "requests",
        RequestRowIn,
        Permission.REQUESTS_WRITE,
        "external_id",
        one_by_one(operations.file_request, "training_request"),
    )
)
