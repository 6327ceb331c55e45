"""Opens what a worker needs, from the settings alone: stores, the intake, how things are called outside."""

from service.dependencies import naming_of
from service.intake import Intake
from service.photo_bucket import open_photos
from service.photos import prepare_folder
from service.settings import Settings
from service.store import Store, open_database
from service.worker import Workplace


def open_records(settings: Settings) -> Store:
    """The store of records, folder and schema made where missing. Raises StorageError."""
    prepare_folder(settings.data_dir)
    return open_database(settings.database)


def open_workplace(settings: Settings) -> Workplace:
    """The stores of these settings, made where missing. Raises StorageError."""
    return Workplace(
        store=open_records(settings),
        photos=open_photos(settings),
        intake=Intake(settings.data_dir / "intake"),
        naming=naming_of(settings),
    )
