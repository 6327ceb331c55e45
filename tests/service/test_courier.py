"""The courier's round: a signed checkpoint goes to the file and to webhooks, and again until it is taken."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from service.courier import POST_AGAIN_AFTER, Courier
from service.ledger import read_head
from service.outbox import Target
from service.parts import Parts
from service.signing import Keyring, check_signature
from service.store import Store, now, open_store
from tests.service.test_outbox import CAPTURE, NAMING, SECRET, FakePost
from tests.service.test_store import inspection

WEBHOOK = Target(name="webhook", url="https://buyer.example/hook", secret=SECRET)


class Setting:
    """A courier whose clock stands where it is set. The clock starts now: Standard Webhooks refuses old messages."""

    def __init__(self, folder: Path, store: Store, post: FakePost, *, target: Target) -> None:
        self.at: datetime = now()
        self.keyring = Keyring(folder / "keys")
        self.file = folder / "checkpoints.jsonl"
        self.courier = Courier(
            store,
            targets=[target],
            naming=NAMING,
            keyring=self.keyring,
            checkpoints=self.file,
            parts=Parts(folder / "parts", keep_s=3600.0),
            clock=lambda: self.at,
            post=post,
        )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "records.sqlite")
    store.add(inspection("one"))
    return store


def test_a_checkpoint_reaches_the_webhook_as_it_stands_in_the_file(tmp_path: Path, store: Store) -> None:
    post = FakePost()
    setting = Setting(tmp_path, store, post, target=WEBHOOK)

    setting.courier.make_round()
    setting.courier.make_round()

    ((body, headers),) = post.got
    said = Webhook(SECRET).verify(body, headers)
    assert said["type"] == "checkpoint.signed"
    assert [said["data"]["jws"]] == setting.file.read_text("utf-8").splitlines()
    payload = check_signature(said["data"]["jws"], setting.keyring.jwks()).payload
    with store.reading() as connection:
        head = read_head(connection)
    assert (payload["seq"], payload["hash"]) == (head.seq, head.hash)


def test_a_checkpoint_that_is_not_taken_comes_again_under_the_same_id(tmp_path: Path, store: Store) -> None:
    post = FakePost(500, None)
    setting = Setting(tmp_path, store, post, target=WEBHOOK)

    for wait in (timedelta(0), timedelta(seconds=5), POST_AGAIN_AFTER, POST_AGAIN_AFTER, POST_AGAIN_AFTER):
        setting.at += wait
        setting.courier.make_round()

    assert len(post.got) == 3
    assert len({(headers["webhook-id"], body) for body, headers in post.got}) == 1
    assert len(setting.file.read_text("utf-8").splitlines()) == 1


def test_an_epcis_repository_is_sent_no_checkpoint(tmp_path: Path, store: Store) -> None:
    post = FakePost()
    setting = Setting(tmp_path, store, post, target=CAPTURE)

    setting.courier.make_round()

    assert post.got == []
    assert len(setting.file.read_text("utf-8").splitlines()) == 1
