"""What the engine refuses: a bad instance is named, never guessed at."""


class EngineError(ValueError):
    """A bad instance.

    `code` is stable: `bad_weights`, `bad_policy`, `bad_need`, `bad_offer`, `bad_scheme`,
    `bad_sentence`, `unknown_concept`, `unknown_country`, `unknown_region`, `duplicate_offer`.
    `subject` names the thing at fault.
    """

    def __init__(self, code: str, subject: str, detail: str) -> None:
        super().__init__(f"{code}: {subject}: {detail}")
        self.code = code
        self.subject = subject
        self.detail = detail
