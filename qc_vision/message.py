"""One sentence for a person, in both of the product's languages. Nothing else lives here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A sentence in Bahasa Indonesia (`id`) and in English (`en`)."""

    id: str
    en: str

    def __str__(self) -> str:
        return f"{self.id} / {self.en}"
