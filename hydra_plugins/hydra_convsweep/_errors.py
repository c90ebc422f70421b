from collections.abc import Iterable


class UserError(Exception):
    """Something that the user has to change; shown without a stack trace, one problem a line."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))
