"""Routes of the fulfilment app."""

from django.urls import path as route

from fulfilment.api.views import answers, calendars, documents, engagements, parts
from marketplace.api.routers import Routes, nested

routes = Routes()
routes.register("engagements", engagements.EngagementViewSet, basename="engagement")
for path, view in {
    "changes": parts.ChangeViewSet,
    "cost-shares": parts.CostShareViewSet,
    "deliveries": parts.DeliveryViewSet,
    "documents": documents.EngagementDocumentViewSet,
    "evaluations": parts.EvaluationViewSet,
    "milestones": parts.MilestoneViewSet,
    "outcome-stories": parts.StoryViewSet,
}.items():
    routes.register(nested("engagements", path), view, basename=view.basename)
routes.register(nested("proposals", "parts"), answers.PartAnswerViewSet, basename="proposal-part-answer")
urlpatterns = [route("calendars/<str:token>", calendars.CalendarView.as_view(), name="calendar"), *routes.urls]
