"""What was acknowledged survives kill -9 at any instant, once. `tests/bench/bench_kill.py` does it more often."""

from pathlib import Path

from service.doctor import Health, examine
from tests.bench.bench_kill import kill_under_load, settings_of
from tests.service.fakes import FakeInspector


def test_nothing_acknowledged_is_lost_or_doubled_and_the_doctor_mends_the_rest(tmp_path: Path) -> None:
    found = kill_under_load(tmp_path / "data", kills=3, seed=7)

    assert found.acknowledged > 0
    assert (found.lost, found.doubled, found.wrong) == (0, 0, {})
    assert found.chain_holds
    after = examine(settings_of(tmp_path / "data"), repair=False, load=FakeInspector, abandoned_s=0.0)
    assert {finding.health for finding in after} == {Health.OK}
