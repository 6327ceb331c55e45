"""`qc-service doctor`: prints one line per finding, in both languages."""

from qc_vision.message import Message
from service.doctor import Health, examine
from service.problems import NOT_FOUND, RequestRefused
from service.settings import Settings
from service.store import open_database
from service.uploads import try_again

WELL, ILL = 0, 3
SIGNS = {Health.OK: "ok", Health.MENDED: "pulih / mended", Health.WRONG: "SALAH / WRONG"}


def run_doctor(settings: Settings, *, repair: bool, again: str | None) -> int:
    """Examines and prints. Returns 0 where all is well or was mended, else 3."""
    if again is not None:
        store = open_database(settings.database)
        with store.changing() as connection:
            found = try_again(connection, again)
        store.close()
        if not found:
            raise RequestRefused(NOT_FOUND, _not_set_aside(again))
    wrong = 0
    for finding in examine(settings, repair=repair):
        wrong += finding.health is Health.WRONG
        print(
            f"{finding.what}: {SIGNS[finding.health]}: {finding.message.id} / {finding.message.en}",
            flush=True,
        )
    return ILL if wrong else WELL


def _not_set_aside(upload_id: str) -> Message:
    return Message(
        id=f"Kiriman {upload_id} tidak disisihkan. 'qc-service doctor' menyebut yang disisihkan.",
        en=f"The upload {upload_id} is not set aside. 'qc-service doctor' names those that are.",
    )
