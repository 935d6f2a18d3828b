"""What is known of documents about an engagement."""

from typing import cast

from django.db.models import QuerySet

from fulfilment import operations, queries
from fulfilment.api.views.parts import OF_ENGAGEMENT, SIDES
from fulfilment.models import Engagement
from marketplace.accounts.roles import Permission
from marketplace.api.documents import DocumentViewSet, attaching, taking_off
from marketplace.files.models import Document


class EngagementDocumentViewSet(DocumentViewSet):
    """Terms of reference, lists of participants, reports, certificates ... on paper."""

    noun, nouns = "document of an engagement", "documents of an engagement"
    resource, basename = "engagement_documents", "engagement-document"
    access = Permission.ENGAGEMENTS_READ
    parent = OF_ENGAGEMENT
    create_with = attaching("an engagement", SIDES, operations.attach_document)
    remove_with = taking_off("an engagement", SIDES, operations.remove_document)

    def visible(self) -> QuerySet[Document]:
        """Give the documents of the engagement that the caller may read."""
        engagement = cast("Engagement", self.parent_thing())
        return queries.documents_of(engagement, self.request.actor, at=self.request.at)
