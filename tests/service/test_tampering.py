"""Each field changed, each row removed, each pair swapped, each end cut off: found, with the first break. On SQLite;
`test_postgresql` does the same there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from service.checkpoints import Checkpoint
from service.ledger import read_head
from service.store import open_store
from service.tables import KEPT, LEDGER
from service.verify import Break, Verified
from tests.service.tampering import (
    OUT_OF_THE_LEDGER,
    Place,
    every_cut,
    every_field,
    every_removed_row,
    every_swapped_pair,
    fill,
    lift_triggers,
    look,
    not_vouched_for,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The database as a stranger opens it: without our settings, its triggers lifted."""
    path: Path = tmp_path_factory.mktemp("tampered") / "records.sqlite"
    store = open_store(path)
    fill(store)
    store.close()
    engine = create_engine(f"sqlite:///{path}")
    lift_triggers(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def checkpoint(engine: Engine) -> Checkpoint:
    with engine.connect() as connection:
        head = read_head(connection)
        assert isinstance(look(connection), Verified)  # or nothing below would mean anything
    return Checkpoint(seq=head.seq, hash=head.hash, line=1)


def test_every_changed_field_is_the_first_break(engine: Engine) -> None:
    tried = list(every_field(engine))

    assert [(what, found, first) for what, found, first in tried if found != first] == []
    assert {what.split(".")[0] for what, _, _ in tried} == {*KEPT, LEDGER.name}


def test_every_removed_row_is_the_first_break(engine: Engine, checkpoint: Checkpoint) -> None:
    tried = list(every_removed_row(engine, checkpoint))

    assert [(what, found, first) for what, found, first in tried if found != first] == []
    assert len(tried) == 30  # fifteen rows and their entries


def test_every_swapped_pair_is_the_first_break(engine: Engine, checkpoint: Checkpoint) -> None:
    tried = list(every_swapped_pair(engine, checkpoint.seq))

    assert [(what, found, first) for what, found, first in tried if found != first] == []
    assert len(tried) == 24


def test_every_cut_is_found_by_the_checkpoint_outside_alone(engine: Engine, checkpoint: Checkpoint) -> None:
    for end, with_checkpoint, without in every_cut(engine, checkpoint):
        assert isinstance(without, Verified)
        assert isinstance(with_checkpoint, Break)
        assert Place(with_checkpoint.table, with_checkpoint.row) == Place("ledger", str(checkpoint.seq))
        assert with_checkpoint.found == f"the last entry is {end}"


def test_what_no_hash_covers_is_listed_by_name_with_the_reason(engine: Engine) -> None:
    assert not_vouched_for(engine) == {name: columns for name, (_, columns) in OUT_OF_THE_LEDGER.items()}
    assert all(reason for reason, _ in OUT_OF_THE_LEDGER.values())
