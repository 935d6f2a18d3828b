"""The API kit: an app declares what its routes promise, the kit keeps the promise. Guide for `<app>/api/`.

**serializers.py** - input is a `StrictSerializer` (unknown fields are refused), output an `Out`, `ThingOut` (id, version,
created_at, updated_at) or `LifecycleOut` (also state, waiting_for, step, due_at, allowed_actions). Every one that is a
body or an answer has an ``example``. Fields for all: `CodeField(scheme)`, `PlaceField`, `ReferenceField` (code, human
reference or id of another thing), `LanguageMapField`, `PeriodField(source="*")`, `MoneyField`, `LinksField`,
`OrganizationRefOut`, `LabelField(scheme)`. ``expandable`` names the fields that only `expand=` shows.

    class RequestIn(StrictSerializer):
        example = {"title": {"en": "Interview skills"}, "organization": "IOM"}
        title = LanguageMapField()
        organization = ReferenceField()
        budget = MoneyField(required=False, allow_null=True)

        def arguments(self) -> dict[str, Any]:  # only where names differ from those of the operation
            return super().arguments()

    class RequestOut(LifecycleOut):
        example = {"id": "0198c0de-0000-7000-8000-000000000001", "reference": "GMG-MLI-2026-0007", "state": "open"}
        expandable = ("lines",)
        reference = serializers.CharField(read_only=True)
        organization = OrganizationRefOut(read_only=True)
        lines = LineOut(many=True, read_only=True)
        links = LinksField({"self": "request-detail", "proposals": "request-proposal-list"}, argument="parent_id")

**views.py** - a `ThingViewSet` with the mixins it needs; every call is a `Contract` (access, words, shapes), a write is
a `Write`: a contract with the domain operation, which is called with ``actor``, ``at``, ``<id_argument>`` (primary key),
``expected_version`` (unless ``if_match`` is NONE) and the arguments of the body. It answers 200 with the thing read
again, creations 201 with Location; an operation that returns ``(thing, created)`` is an upsert.

    class RequestViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
        tag, noun, nouns, resource, basename = "Requests", "training request", "training requests", "requests", "request"
        access = Permission.REQUESTS_READ
        reads = RequestOut
        reference_field, id_argument = "reference", "request_id"
        filterset_class = RequestFilters
        ordering, ordering_fields = ("-created_at",), {"created_at": "created_at", "due_at": "due_at"}
        searchable = True
        facets = {"state": Facet("state")}  # `finding.Facet`: what `facets=` counts
        create_with = Write("Draft a training request", Permission.REQUESTS_WRITE, body=RequestIn,
                            operation=operations.create_request)
        change_with = Write("Change a draft", Permission.REQUESTS_WRITE, body=RequestChangeIn,
                            if_match=IfMatch.REQUIRED, errors=(ErrorCode.WRONG_STATE,),
                            operation=operations.change_request)
        submit = verb("submit", Write("Submit a draft", Permission.REQUESTS_WRITE, if_match=IfMatch.OPTIONAL,
                      errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN), operation=operations.submit_request))

        def visible(self): return queries.requests_visible_to(self.request.actor, at=self.request.at)
        def prepare(self, things): return things.select_related("organization").prefetch_related(...)  # see self.expand
        def search(self, things, q): return things.filter(pk__in=search.matching_ids("training_request", q, ...))
        def allowed_actions(self, thing): return queries.allowed_actions(thing, self.request.actor, self.request.at)

``rows = Rows(Model, follows={...}, many={...})`` makes lists and single things fast (`rows`): say what each computed field
follows from. ``access`` may be one `Permission`, a tuple (any of them), `SignedIn(reason)` or `Public(reason)`. An unknown thing is 404
before the role is asked (403). If-Match: REQUIRED on PATCH and decisions, OPTIONAL on other verbs. Long work:
``status=202, out=RunOut, location="match-run-detail"``; work that is long for some things only: ``later=True``, and the
operation gives `Later`. What computes for seconds does so in ``prepare``. A verb that is a word of Python gets another
attribute:
``give_back = verb("return", Write(...))``. Answers that are not the thing: ``out=...`` shows what the
operation returns. Calls about the collection: `collection_verb`. Hand-written actions: decorate with
`described(Contract(...))` and answer with `self.show(thing)` or `Response`. Nested things: ``parent = Parent(visible,
column="request", argument="request_id", reference_field="reference")`` under `nested("requests", "clarifications")`;
their ``basename-detail`` route then takes parent_id and id.

**filters.py** - a `FilterSet` (from `marketplace.api.filters`) of declared filters only: `StateFilter(LIFECYCLE)`,
`CodesFilter(column, allowed=...)`, `JsonListFilter(column)`, `UpdatedSince()`, django-filter's own. Unknown parameters
are refused by the kit.

    class RequestFilters(FilterSet):
        state = StateFilter(REQUEST)
        organization = CodesFilter("organization__code")
        updated_since = UpdatedSince()

**urls.py** - ``routes = Routes(); routes.register("requests", RequestViewSet, basename="request"); urlpatterns =
routes.urls``; `marketplace/urls.py` includes it under `/api/v1/`.

Refusals are `DomainError`s of the operations; the kit turns them, and whatever frameworks and databases raise, into
problem+json. Rooms above add to `health/ready` by `marketplace.rest.readiness.readiness_check`. In views `self.request.actor`, `.at` (the one clock of the call) and `.language` ("en", "fr") are there.
Tests: `tests/kit/api.py` has a client that speaks for a user and checks problems.
"""
