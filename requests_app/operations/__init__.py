"""Writes of what is asked; the face that other apps use. Every operation is keyword-only with ``actor`` and ``at``."""

from requests_app.operations.clearing import clear_test_requests
from requests_app.operations.content import LineContent, RequestContent, content_of
from requests_app.operations.documents import attach_document, remove_document
from requests_app.operations.drafting import (
    change_request,
    create_request,
    edit_request,
    file_request,
    refile_request,
)
from requests_app.operations.exchanges import (
    answer_clarification,
    ask_clarification,
    expire_endorsements,
    record_endorsement,
    request_endorsement,
    withdraw_clarification,
)
from requests_app.operations.indexing import reindex_requests
from requests_app.operations.locking import lock_request
from requests_app.operations.merging import merge_request
from requests_app.operations.outcomes import (
    call_for_offers,
    end_call,
    mark_unmet,
    note_ranking,
    reopen_request,
    waive_call_for_offers,
)
from requests_app.operations.placing import (
    LineShare,
    agree_lines,
    claim_lines,
    deliver_lines,
    release_lines,
    resize_claim,
    start_lines,
)
from requests_app.operations.screening import (
    answer_request,
    cancel_request,
    close_request,
    decline_request,
    open_request,
    return_request,
    submit_request,
    withdraw_request,
    withdraw_unanswered,
)
from requests_app.operations.sharing import (
    consent_to_posting,
    end_asked,
    revoke_share,
    share_request,
    share_with,
    withdraw_posting_consent,
)

__all__ = [
    "LineContent",
    "LineShare",
    "RequestContent",
    "agree_lines",
    "answer_clarification",
    "answer_request",
    "ask_clarification",
    "attach_document",
    "call_for_offers",
    "cancel_request",
    "change_request",
    "claim_lines",
    "clear_test_requests",
    "close_request",
    "consent_to_posting",
    "content_of",
    "create_request",
    "decline_request",
    "deliver_lines",
    "edit_request",
    "end_asked",
    "end_call",
    "expire_endorsements",
    "file_request",
    "lock_request",
    "mark_unmet",
    "merge_request",
    "note_ranking",
    "open_request",
    "record_endorsement",
    "refile_request",
    "reindex_requests",
    "release_lines",
    "remove_document",
    "reopen_request",
    "request_endorsement",
    "resize_claim",
    "return_request",
    "revoke_share",
    "share_request",
    "share_with",
    "start_lines",
    "submit_request",
    "waive_call_for_offers",
    "withdraw_clarification",
    "withdraw_posting_consent",
    "withdraw_request",
    "withdraw_unanswered",
]
