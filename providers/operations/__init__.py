"""Writes of the providers app."""

from providers.operations.clearing import clear_test_offerings
from providers.operations.harvesting import Reading, read_document, take_in
from providers.operations.harvests import (
    ask_for_harvest,
    change_harvest,
    enqueue_harvest,
    set_up_harvest,
)
from providers.operations.holds import (
    Want,
    confirm_holds,
    extend_holds,
    lapse_expired_holds,
    move_holds,
    place_holds,
    release_holds,
)
from providers.operations.indexing import reindex_catalogue
from providers.operations.intake import file_offering, file_provider, file_session, file_window
from providers.operations.many import Filed, file_offerings
from providers.operations.offerings import change_offering, create_offering, save_offering
from providers.operations.outcomes import record_outcome
from providers.operations.providers import change_provider, register_provider
from providers.operations.sessions import (
    cancel_session,
    change_session,
    complete_session,
    create_session,
    open_session,
    save_session,
    start_session,
)
from providers.operations.synthetic import SyntheticOffering, load_synthetic_offerings
from providers.operations.verification import (
    lapse_verifications,
    reinstate_provider,
    suspend_provider,
    verify_provider,
)
from providers.operations.vetting import (
    lapse_vettings,
    publish_offering,
    reinstate_offering,
    retire_offering,
    return_offering,
    submit_offering,
    suspend_offering,
)
from providers.operations.windows import change_window, create_window, delete_window

__all__ = [
    "Filed",
    "Reading",
    "SyntheticOffering",
    "Want",
    "ask_for_harvest",
    "cancel_session",
    "change_harvest",
    "change_offering",
    "change_provider",
    "change_session",
    "change_window",
    "clear_test_offerings",
    "complete_session",
    "confirm_holds",
    "create_offering",
    "create_session",
    "create_window",
    "delete_window",
    "enqueue_harvest",
    "extend_holds",
    "file_offering",
    "file_offerings",
    "file_provider",
    "file_session",
    "file_window",
    "lapse_expired_holds",
    "lapse_verifications",
    "lapse_vettings",
    "load_synthetic_offerings",
    "move_holds",
    "open_session",
    "place_holds",
    "publish_offering",
    "read_document",
    "record_outcome",
    "register_provider",
    "reindex_catalogue",
    "reinstate_offering",
    "reinstate_provider",
    "release_holds",
    "retire_offering",
    "return_offering",
    "save_offering",
    "save_session",
    "set_up_harvest",
    "start_session",
    "submit_offering",
    "suspend_offering",
    "suspend_provider",
    "take_in",
    "verify_provider",
]
