"""The catalogue is consistent: its rows are distinct, set something up, and expect nothing impossible."""

from .catalogue import FAULTS
from .fault import Fault


def test_ids_and_descriptions_are_unique() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
    assert len({fault.words for fault in FAULTS}) == len(FAULTS)


def test_every_fault_sets_something_up() -> None:
    for fault in FAULTS:
        assert fault != Fault(id=fault.id, words=fault.words, read=fault.read, write=fault.write), fault.id
        assert fault.wires, fault.id


def test_every_error_has_a_fate_and_only_errors_are_retried() -> None:
    for fault in FAULTS:
        for expected in (fault.read, fault.write):
            assert (expected.error is None) == (expected.fate is None), fault.id
            assert expected.error or not expected.retried, fault.id


def test_the_effect_decides_only_whether_to_retry() -> None:
    for fault in FAULTS:
        assert (fault.read.error, fault.read.fate) == (fault.write.error, fault.write.fate), fault.id
        assert fault.read.retried or not fault.write.retried, fault.id


def test_no_write_that_may_have_run_is_retried() -> None:
    for fault in FAULTS:
        write = fault.expected("write")
        assert not (write.retried and write.fate == "unknown"), fault.id
        assert write.retried or write.seen <= 1, fault.id
