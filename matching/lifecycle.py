"""Life cycles of the matching app: runs, proposals and their parts."""

from marketplace.accounts.roles import Permission
from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move

DECIDE = Step("proposal.decide", Party.SECRETARIAT)
CONSULT = Step("proposal.consult", Party.REQUESTER)
SECOND = Step("proposal.second_approval", Party.SECOND_APPROVER)
ANSWER = Step("proposal.answer", Party.PROVIDER)
RECONFIRM = Step("proposal.reconfirm", Party.PROVIDER)
CONSENT = Step("proposal.counter_consent", Party.REQUESTER_AND_SECRETARIAT)
ENDORSE = Step("request.endorsement", Party.AUTHORITY)
MATCH = Step("request.match", Party.SYSTEM)

RUN = Lifecycle(
    name="match_run",
    initial="queued",
    states=("queued", "running", "complete", "no_solution", "failed", "cancelled", "superseded"),
    transitions=(
        move("start", "queued", "running", "match_run.started", automatic=True),
        move("finish", "queued running", "complete no_solution", "match_run.completed", automatic=True),
        move("fail", "queued running", "failed", "match_run.failed", automatic=True),
        move("retry", "failed cancelled", "queued", "match_run.retried", Permission.MATCHING_RUN),
        move("cancel", "queued running", "cancelled", "match_run.cancelled", Permission.MATCHING_RUN),
        move("publish", "complete", "complete", "match_run.published", Permission.MATCHING_RUN),
        move("supersede", "complete no_solution", "superseded", "match_run.superseded", automatic=True),
    ),
    steps={"queued": MATCH, "running": MATCH},
)

# A proposal is `approved` while its parts are being asked; it is `confirmed` when the last part has accepted.
PROPOSAL = Lifecycle(
    name="proposal",
    initial="suggested",
    states=(
        "suggested",
        "shortlisted",
        "consulting",
        "awaiting_second_approval",
        "approved",
        "confirmed",
        "declined",
        "superseded",
        "released",
        "withdrawn",
    ),
    transitions=(
        move("shortlist", "suggested", "shortlisted", "proposal.shortlisted", Permission.PROPOSALS_DECIDE),
        move("consult", "shortlisted", "consulting", "proposal.consulted", Permission.PROPOSALS_DECIDE),
        move("prefer", "consulting", "consulting", "proposal.preferred", Permission.PROPOSALS_CONSULT, step=DECIDE),
        move("object", "consulting", "consulting", "proposal.objected", Permission.PROPOSALS_CONSULT, step=DECIDE),
        move("hear_silence", "consulting", "consulting", "proposal.consultation_ended", automatic=True, step=DECIDE),
        move(
            "overrule",
            "consulting",
            "consulting",
            "proposal.objection_overruled",
            Permission.PROPOSALS_OVERRULE,
            step=DECIDE,
        ),
        move(
            "approve",
            "consulting",
            "approved awaiting_second_approval",
            "proposal.approved",
            Permission.PROPOSALS_DECIDE,
        ),
        move("approve", "awaiting_second_approval", "approved", "proposal.approved", Permission.PROPOSALS_DECIDE),
        move("lapse", "awaiting_second_approval", "shortlisted", "proposal.second_approval_lapsed", automatic=True),
        move(
            # Of what is approved only where the authority has refused its endorsement, or that is valid no longer.
            "decline",
            "suggested shortlisted consulting awaiting_second_approval approved",
            "declined",
            "proposal.declined",
            Permission.PROPOSALS_DECIDE,
        ),
        move(
            "retract",
            "awaiting_second_approval approved",
            "shortlisted",
            "proposal.retracted",
            Permission.PROPOSALS_DECIDE,
        ),
        move(
            "await_endorsement", "approved", "approved", "proposal.awaiting_endorsement", automatic=True, step=ENDORSE
        ),
        move("endorsement_lost", "approved", "approved", "proposal.endorsement_lost", automatic=True, step=DECIDE),
        # A partner is lost: the next best is looked for, and either put forward (its part has the step) or not found.
        move("seek_replacement", "approved", "approved", "proposal.partner_lost", automatic=True, step=MATCH),
        move("put_forward", "approved", "approved", "proposal.replacement_found", automatic=True),
        move("report_gap", "approved", "approved", "proposal.gap_reported", automatic=True, step=DECIDE),
        move("go-on-without", "approved", "approved", "proposal.narrowed", Permission.PROPOSALS_DECIDE),
        move("confirm", "approved", "confirmed", "proposal.confirmed", automatic=True),
        move("fail", "approved", "declined", "proposal.failed", automatic=True),
        move("release", "awaiting_second_approval approved", "released", "proposal.released", automatic=True),
        move("supersede", "suggested shortlisted consulting", "superseded", "proposal.superseded", automatic=True),
        # A provider takes back what it offered on its own, as long as nobody has asked it.
        move(
            "withdraw",
            "suggested shortlisted consulting awaiting_second_approval",
            "withdrawn",
            "proposal.withdrawn",
            Permission.OFFERS_MAKE,
        ),
    ),
    steps={
        "suggested": DECIDE,
        "shortlisted": DECIDE,
        "consulting": CONSULT,
        "awaiting_second_approval": SECOND,
    },
)

# Each part answers alone. A part that refuses or lapses is replaced by a `replacement`, which is decided on its own.
PART = Lifecycle(
    name="proposal_part",
    initial="suggested",
    states=(
        "suggested",
        "replacement",
        "awaiting_second_approval",
        "asked",
        "countered",
        "accepted",
        "refused",
        "lapsed",
        "withdrawn",
        "superseded",
    ),
    transitions=(
        move("ask", "suggested", "asked", "proposal_part.asked", automatic=True),
        move("put_forward", "suggested", "replacement", "proposal_part.replacement_proposed", automatic=True),
        move(
            "approve",
            "replacement",
            "asked awaiting_second_approval",
            "proposal_part.approved",
            Permission.PROPOSALS_DECIDE,
        ),
        move("approve", "awaiting_second_approval", "asked", "proposal_part.approved", Permission.PROPOSALS_DECIDE),
        move(
            "decline",
            "replacement awaiting_second_approval",
            "superseded",
            "proposal_part.declined",
            Permission.PROPOSALS_DECIDE,
        ),
        move(
            "return", "awaiting_second_approval", "replacement", "proposal_part.second_approval_lapsed", automatic=True
        ),
        move("accept", "asked", "accepted", "proposal_part.accepted", Permission.PROPOSALS_ANSWER),
        move("refuse", "asked countered", "refused", "proposal_part.refused", Permission.PROPOSALS_ANSWER),
        move("counter", "asked", "countered", "proposal_part.countered", Permission.PROPOSALS_ANSWER),
        move("consent", "countered", "accepted countered asked", "proposal_part.counter_answered"),
        move("end_counter", "countered", "asked", "proposal_part.counter_lapsed", automatic=True),
        # Silence, or a session, offering or provider that is gone: the part is lost whatever it had answered.
        move("lapse", "asked countered accepted", "lapsed", "proposal_part.lapsed", automatic=True),
        move(
            "reconfirm",
            "accepted asked countered",
            "asked",
            "proposal_part.reconfirmation_asked",
            automatic=True,
            step=RECONFIRM,
        ),
        move("take_back", "asked", "suggested", "proposal_part.taken_back", automatic=True),
        move(
            "withdraw",
            "suggested replacement awaiting_second_approval asked countered accepted",
            "withdrawn",
            "proposal_part.withdrawn",
            automatic=True,
        ),
    ),
    steps={"replacement": DECIDE, "awaiting_second_approval": SECOND, "asked": ANSWER, "countered": CONSENT},
)

LIVE_PROPOSALS = ("suggested", "shortlisted", "consulting", "awaiting_second_approval", "approved")
SUPERSEDABLE = ("suggested", "shortlisted", "consulting")
OPEN_PARTS = ("replacement", "awaiting_second_approval", "asked", "countered")
PROPOSED_PARTS = ("replacement", "awaiting_second_approval")  # put forward for a lost part, not asked yet
LOST_PARTS = ("refused", "lapsed")
ENDED_PARTS = (*LOST_PARTS, "withdrawn", "superseded")
CLAIMING_PARTS = ("asked", "countered", "accepted")  # parts whose lines are claimed and whose capacity is held
LIFECYCLES = (RUN, PROPOSAL, PART)
