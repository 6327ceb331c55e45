"""`qc-service doctor`: prints one line per finding, in both languages."""

from service.doctor import Health, examine
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
            try_again(connection, again)
        store.close()
    wrong = 0
    for finding in examine(settings, repair=repair):
        wrong += finding.health is Health.WRONG
        print(
            f"{finding.what}: {SIGNS[finding.health]}: {finding.message.id} / {finding.message.en}",
            flush=True,
        )
    return ILL if wrong else WELL
