"""What the engine refuses: a bad instance is named, never guessed at."""


class EngineError(ValueError):
    """A bad instance.

    `code` is stable: `bad_weights`, `bad_policy`, `bad_need`, `bad_offer`, `bad_scheme`,
    `bad_sentence`, `unknown_concept`, `unknown_country`, `unknown_region`, `duplicate_offer`,
    `bad_instance` (a document from outside), `bad_snapshot`, `other_engine` (a snapshot of another version).
    `subject` names the thing at fault; in a document it is the JSON pointer (RFC 6901), empty for the whole.
    """

    def __init__(self, code: str, subject: str, detail: str) -> None:
        super().__init__(f"{code}: {subject}: {detail}")
        self.code = code
        self.subject = subject
        self.detail = detail
