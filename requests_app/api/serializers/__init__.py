"""Shapes of what is asked."""

from requests_app.api.serializers.acts import (
    EndorsementIn,
    EndorsementRecordIn,
    OfferCallIn,
    RequesterAnswerIn,
    RequestMergeIn,
    RequestQuestionIn,
    RequestReasonIn,
    RequestReturnIn,
    RequestShareIn,
    RequestUnmetIn,
    WithdrawalIn,
)
from requests_app.api.serializers.exchanges import (
    ClarificationOut,
    EndorsementOut,
    RequestRevisionsOut,
    RequestShareOut,
    RequestTimelineOut,
    SimilarRequestsOut,
)
from requests_app.api.serializers.incoming import RequestChangeIn, RequestIn, RequestRowIn
from requests_app.api.serializers.outgoing import RequestLineOut, RequestOut

__all__ = [
    "ClarificationOut",
    "EndorsementIn",
    "EndorsementOut",
    "EndorsementRecordIn",
    "OfferCallIn",
    "RequestChangeIn",
    "RequestIn",
    "RequestLineOut",
    "RequestMergeIn",
    "RequestOut",
    "RequestQuestionIn",
    "RequestReasonIn",
    "RequestReturnIn",
    "RequestRevisionsOut",
    "RequestRowIn",
    "RequestShareIn",
    "RequestShareOut",
    "RequestTimelineOut",
    "RequestUnmetIn",
    "RequesterAnswerIn",
    "SimilarRequestsOut",
    "WithdrawalIn",
]
