"""Who acts, and as what. Data and its rules; no HTTP, no disk."""

from dataclasses import dataclass
from enum import StrEnum

from qc_vision.errors import QcVisionError
from qc_vision.message import Message


class Role(StrEnum):
    """What an account may do; one account may have several."""

    INSPECTOR = "inspector"
    REVIEWER = "reviewer"
    EXPORTER = "exporter"
    ML = "ml"
    ADMIN = "admin"


class NotSignedIn(QcVisionError):
    """Nobody is signed in, or no longer. `page`: the path of the page that was asked for, None for the API."""

    def __init__(self, message: Message, *, page: str | None = None) -> None:
        super().__init__(message)
        self.page = page


class NotAllowed(QcVisionError):
    """Somebody is signed in who may not do this."""


class SecondFactorMissing(QcVisionError):
    """Somebody is signed in who has to turn on a second factor first. `page`: as of NotSignedIn."""

    def __init__(self, message: Message, *, page: str | None = None) -> None:
        super().__init__(message)
        self.page = page


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The account that a request was made by. `code` goes on record as `by`; `groups` None: it sees all.
    `by_password_alone`: a session that neither a second factor nor a provider vouches for."""

    code: str
    roles: frozenset[Role]
    groups: frozenset[str] | None = None
    by_password_alone: bool = False

    def signs(self, by: str | None) -> str:
        """The code to put on record. Raises NotAllowed where the request claims to be of somebody else."""
        if by is not None and by != self.code:
            raise NotAllowed(SOMEBODY_ELSE)
        return self.code


SOMEBODY_ELSE = Message(
    id="'by' menyebut orang lain daripada akun yang masuk. Kosongkan 'by', atau masuk sebagai orang itu.",
    en="'by' names another person than the account signed in. Leave 'by' out, or sign in as that person.",
)
NOBODY = Message(
    id="Anda belum masuk, atau sesi sudah berakhir. Masuk dulu di /masuk.",
    en="You are not signed in, or the session has ended. Sign in at /masuk first.",
)
FACTOR_MISSING = Message(
    id="Peran akun Anda memerlukan faktor kedua. Aktifkan dulu di /akun.",
    en="Your account's role needs a second factor. Turn it on at /akun first.",
)
WRONG_ROLE = Message(
    id="Akun Anda tidak boleh melakukan ini. Minta pengelola memberi peran yang diperlukan.",
    en="Your account may not do this. Ask the administrator for the role that it needs.",
)
NO_MACHINE = Message(
    id="Ini hanya untuk orang yang masuk di halaman, bukan untuk token mesin.",
    en="This is for a person who has signed in, not for a machine's token.",
)
