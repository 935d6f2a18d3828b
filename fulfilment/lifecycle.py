"""Life cycles of what is agreed: engagements, their deliveries, milestones, cost shares and changes."""

from marketplace.accounts.roles import Permission
from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move

AGREE = Step("engagement.agree", Party.PROVIDER)
PREPARE = Step("milestone.complete", Party.PROVIDER)  # due when the first delivery begins
REPORT = Step("delivery.report", Party.PROVIDER)  # due its working days after the last day of delivery
CONFIRM = Step("delivery.confirm", Party.REQUESTER)
SETTLE = Step("delivery.contest", Party.SECRETARIAT)
REBOOK = Step("engagement.rebook", Party.SECRETARIAT)
CLOSE = Step("engagement.close", Party.SECRETARIAT)
EVALUATE = {level: Step(f"evaluation.level{level}", Party.PROVIDER) for level in (1, 2)} | {
    level: Step(f"evaluation.level{level}", Party.REQUESTER) for level in (3, 4)
}

# A change is proposed and agreed without moving the engagement: one row of the table for each state.
CHANGEABLE = ("planned", "agreed", "in_delivery", "on_hold")

ENGAGEMENT = Lifecycle(
    name="engagement",
    initial="planned",
    states=("planned", "agreed", "in_delivery", "delivered", "evaluating", "closed", "on_hold", "cancelled"),
    transitions=(
        move("agree", "planned", "agreed", "engagement.agreed", Permission.ENGAGEMENTS_DELIVER),
        move("start", "agreed", "in_delivery", "engagement.started", Permission.ENGAGEMENTS_DELIVER),
        move("deliver", "in_delivery", "delivered", "engagement.delivered", Permission.ENGAGEMENTS_DELIVER),
        move("confirm", "delivered", "evaluating", "engagement.confirmed", Permission.ENGAGEMENTS_CONFIRM),
        move("contest", "delivered", "in_delivery", "engagement.contested", Permission.ENGAGEMENTS_CONFIRM),
        move("close", "evaluating", "closed", "engagement.closed", Permission.ENGAGEMENTS_MANAGE),
        move(
            "hold",
            "planned agreed in_delivery",
            "on_hold",
            "engagement.held",
            Permission.ENGAGEMENTS_MANAGE,
            pauses=True,
        ),
        move(
            "resume",
            "on_hold",
            "planned agreed in_delivery",
            "engagement.resumed",
            Permission.ENGAGEMENTS_MANAGE,
            resumes=True,
        ),
        move(
            "cancel",
            "planned agreed in_delivery on_hold",
            "cancelled",
            "engagement.cancelled",
            Permission.ENGAGEMENTS_MANAGE,
        ),
        *(
            move("propose-change", state, state, "engagement.change_proposed", Permission.ENGAGEMENTS_READ)
            for state in CHANGEABLE
        ),
        *(
            move("agree-change", state, state, "engagement.change_agreed", Permission.ENGAGEMENTS_READ)
            for state in CHANGEABLE
        ),
        *(
            move("decline-change", state, state, "engagement.change_declined", Permission.ENGAGEMENTS_READ)
            for state in CHANGEABLE
        ),
    ),
    steps={
        "planned": AGREE,
        "agreed": PREPARE,
        "in_delivery": REPORT,
        "delivered": CONFIRM,
        "evaluating": EVALUATE[1],
        "on_hold": REBOOK,
    },
)

DELIVERY = Lifecycle(
    name="delivery",
    initial="planned",
    states=("planned", "running", "delivered", "contested", "confirmed", "cancelled"),
    transitions=(
        move("start", "planned", "running", "delivery.started", Permission.ENGAGEMENTS_DELIVER),
        move("deliver", "running contested", "delivered", "delivery.reported", Permission.ENGAGEMENTS_DELIVER),
        move("confirm", "delivered", "confirmed", "delivery.confirmed", Permission.ENGAGEMENTS_CONFIRM),
        # A contested report is settled by a better one, or by the secretariat.
        move("confirm", "contested", "confirmed", "delivery.confirmed", Permission.ENGAGEMENTS_MANAGE),
        move("contest", "delivered", "contested", "delivery.contested", Permission.ENGAGEMENTS_CONFIRM),
        move("cancel", "planned running contested", "cancelled", "delivery.cancelled", Permission.ENGAGEMENTS_MANAGE),
    ),
    steps={"running": REPORT, "delivered": CONFIRM, "contested": SETTLE},
)
REPORTED = ("delivered", "contested", "confirmed")
UNREPORTED = ("planned", "running", "contested")

# `complete` and `waive` belong to the party that owes the milestone, and to the secretariat.
MILESTONE = Lifecycle(
    name="milestone",
    initial="open",
    states=("open", "done", "waived", "not_answered", "dropped"),
    transitions=(
        move("complete", "open not_answered", "done", "milestone.completed", Permission.ENGAGEMENTS_DELIVER),
        move("waive", "open", "waived", "milestone.waived", Permission.ENGAGEMENTS_MANAGE),
        move("lapse", "open", "not_answered", "milestone.lapsed", automatic=True),
        move("drop", "open", "dropped", "milestone.dropped", automatic=True),
    ),
    steps={"open": PREPARE},
)

COST_SHARE = Lifecycle(
    name="cost_share",
    initial="pledged",
    states=("pledged", "confirmed", "received", "withdrawn"),
    transitions=(
        move("confirm", "pledged", "confirmed", "cost_share.confirmed", Permission.ENGAGEMENTS_DELIVER),
        move("receive", "confirmed", "received", "cost_share.received", Permission.ENGAGEMENTS_DELIVER),
        move("withdraw", "pledged confirmed", "withdrawn", "cost_share.withdrawn", Permission.ENGAGEMENTS_DELIVER),
    ),
)

# Each side that did not propose the change agrees to it; the last one applies it.
CHANGE = Lifecycle(
    name="engagement_change",
    initial="proposed",
    states=("proposed", "agreed", "declined", "superseded"),
    transitions=(
        move("agree", "proposed", "proposed agreed", "engagement_change.agreed", Permission.ENGAGEMENTS_READ),
        move("decline", "proposed", "declined", "engagement_change.declined", Permission.ENGAGEMENTS_READ),
        move("supersede", "proposed", "superseded", "engagement_change.superseded", automatic=True),
    ),
    steps={"proposed": Step("engagement.change", Party.REQUESTER_AND_SECRETARIAT)},
)
SIDES = ("provider", "requester", "secretariat")

LIFECYCLES = (ENGAGEMENT, DELIVERY, MILESTONE, COST_SHARE, CHANGE)
