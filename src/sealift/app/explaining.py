"""`sealift config explain`: where each effective value of the next release comes from."""

from sealift.app.planning import load_manifest, prepare
from sealift.app.wiring import House
from sealift.stations.plan.explanation import Explained, Setting, explain
from sealift.stations.plan.lockfile import parse_lock
from sealift.stations.plan.model import LOCK_NAME


def explain_settings(house: House, *, snapshot: bool) -> tuple[Setting, ...]:
    """Plan the checked-out commit and say where each value is from; raises as `prepare`."""
    prepared = prepare(house, snapshot=snapshot, write_lock=False)
    loaded = load_manifest(house, prepared.plan.source.commit)
    lock_data = prepared.lock_data or b""
    return explain(
        Explained(
            manifest=loaded.manifest,
            manifest_data=loaded.data,
            detected=loaded.origin == "detected",
            lock=parse_lock(lock_data, path=LOCK_NAME) if lock_data else None,
            lock_data=lock_data,
            lock_written=house.checkout.lock.is_file(),
            plan=prepared.plan,
        )
    )
