"""Names the berths of a harbour."""


def berth_name(number: int) -> str:
    """Return the name of a berth from 1 to 12; raise ValueError for another."""
    if not 1 <= number <= 12:
        raise ValueError(f"there is no berth {number}")
    return f"berth {number}"
