"""Life cycles of the providers app: providers, offerings, sessions, and the holds on their capacity."""

from marketplace.accounts.roles import Permission
from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move

VERIFY = Step("provider.verify", Party.SECRETARIAT)
VET = Step("offering.vet", Party.SECRETARIAT)

PROVIDER = Lifecycle(
    name="provider",
    initial="pending",
    states=("pending", "verified", "suspended"),
    transitions=(
        # Verifying a verified provider renews it.
        move("verify", "pending verified", "verified", "provider.verified", Permission.CATALOGUE_VET),
        move("suspend", "pending verified", "suspended", "provider.suspended", Permission.CATALOGUE_VET),
        # Back to verified, or to pending where the verification has ended meanwhile or never was.
        move("reinstate", "suspended", "verified pending", "provider.reinstated", Permission.CATALOGUE_VET),
        move("lapse", "verified", "pending", "provider.verification_lapsed", automatic=True),
    ),
    steps={"pending": VERIFY},
)

OFFERING = Lifecycle(
    name="offering",
    initial="draft",
    states=("draft", "in_vetting", "published", "suspended", "retired"),
    transitions=(
        move("submit", "draft", "in_vetting", "offering.submitted", Permission.CATALOGUE_WRITE, resumes=True),
        move("publish", "in_vetting", "published", "offering.published", Permission.CATALOGUE_VET),
        move("return", "in_vetting", "draft", "offering.returned", Permission.CATALOGUE_VET, pauses=True),
        move("suspend", "published", "suspended", "offering.suspended", Permission.CATALOGUE_VET),
        # Back to published, or to vetting where the panel's word has ended meanwhile.
        move("reinstate", "suspended", "published in_vetting", "offering.reinstated", Permission.CATALOGUE_VET),
        move(
            "retire", "draft in_vetting published suspended", "retired", "offering.retired", Permission.CATALOGUE_WRITE
        ),
        move("lapse", "published", "in_vetting", "offering.vetting_lapsed", automatic=True),
    ),
    steps={"in_vetting": VET},
)

# "Full" is no state of its own: it follows from the seats.
SESSION = Lifecycle(
    name="session",
    initial="planned",
    states=("planned", "open", "running", "completed", "cancelled"),
    transitions=(
        move("open", "planned", "open", "session.opened", Permission.CATALOGUE_WRITE),
        move("start", "open", "running", "session.started", Permission.CATALOGUE_WRITE),
        move("complete", "running", "completed", "session.completed", Permission.CATALOGUE_WRITE),
        move("cancel", "planned open running", "cancelled", "session.cancelled", Permission.CATALOGUE_WRITE),
    ),
)

HOLD = Lifecycle(
    name="capacity_hold",
    initial="held",
    states=("held", "confirmed", "released", "lapsed"),
    transitions=(
        move("confirm", "held", "confirmed", "capacity_hold.confirmed", automatic=True),
        move("release", "held confirmed", "released", "capacity_hold.released", automatic=True),
        move("lapse", "held", "lapsed", "capacity_hold.lapsed", automatic=True),
    ),
)

# How far an offering of a client in test mode goes: nobody vets it.
TEST_OFFERINGS = frozenset({"draft", "in_vetting", "retired"})
BOOKABLE_SESSIONS = ("planned", "open")
LIVE_HOLDS = ("held", "confirmed")
LIFECYCLES = (PROVIDER, OFFERING, SESSION, HOLD)
