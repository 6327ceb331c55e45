"""The errors a caller may want to tell apart. No status codes: the service maps these to answers.

QcVisionError
├── PhotoError            the bytes are not a photo that can be graded
│   ├── EmptyPhoto
│   ├── UnsupportedPhoto  not a still JPEG, PNG or WebP
│   ├── DamagedPhoto      truncated or broken
│   └── PhotoTooLarge     over the byte or pixel limit
├── CardError             a card's geometry or register is unknown or does not hold together
├── SpecError             a product spec is unknown or does not hold together
├── LimitsError           the limits of refusals cannot be read or do not hold together
├── SamplingError         no plan, or no draw, for such a lot
├── DispositionError      a person's decision that does not fit what it decides on
├── ModelError            weights or manifest missing, altered, or giving other outputs than exported
└── StorageError          a file or folder cannot be read or written
"""

from qc_vision.message import Message


class QcVisionError(Exception):
    """Base of all expected errors; `message` says what was found, what was expected, what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.en)
        self.message = message

    def __reduce__(self) -> tuple[type["QcVisionError"], tuple[Message]]:
        """Crosses process borders with its message."""
        return type(self), (self.message,)


class PhotoError(QcVisionError):
    pass


class EmptyPhoto(PhotoError):
    pass


class UnsupportedPhoto(PhotoError):
    pass


class DamagedPhoto(PhotoError):
    pass


class PhotoTooLarge(PhotoError):
    pass


class CardError(QcVisionError):
    pass


class SpecError(QcVisionError):
    pass


class LimitsError(QcVisionError):
    pass


class SamplingError(QcVisionError):
    pass


class DispositionError(QcVisionError):
    pass


class ModelError(QcVisionError):
    pass


class StorageError(QcVisionError):
    pass
