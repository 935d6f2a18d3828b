"""Organizations can be imported, by the secretariat that keeps them."""

from marketplace.accounts.roles import Permission
from marketplace.bulk.targets import Target, list_target, one_by_one
from marketplace.rest.organizations import OrganizationIn, file_organization

list_target(
    Target(
        "organizations",
        OrganizationIn,
        Permission.ORGANIZATIONS_MANAGE,
        "code",
        one_by_one(file_organization, "organization"),
    )
)
