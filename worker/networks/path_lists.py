"""Lists of paths in the settings, which commas separate, though paths may hold commas themselves."""

from collections.abc import Callable


def split_list(text: str, is_whole: Callable[[str], bool]) -> list[str]:
    """Return the entries of a list; each ends at the first comma that leaves it whole, or else at its first comma."""
    parts = text.split(",")
    entries = []
    while parts:
        candidates = (",".join(parts[:count]).strip() for count in range(1, len(parts) + 1))
        count = next((count for count, entry in enumerate(candidates, 1) if is_whole(entry)), 1)
        if entry := ",".join(parts[:count]).strip():
            entries.append(entry)
        parts = parts[count:]
    return entries
