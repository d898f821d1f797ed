"""Numbers that files bear in their names, and repeat before their titles: `# 23 Logging` in `023-logging.md`."""

from __future__ import annotations

import re

_IN_NAME = re.compile(r"(?:[a-z]{1,12}[-_. ]?)?(\d{1,5})(?!\d|-\d\d-|-\d\d\Z)", re.IGNORECASE)
_IN_TITLE = re.compile(r"#?(\d{1,5})(\s?[.:)·|–—-]{1,3})?\s+(?=\S)")
_YEARS = range(1900, 2100)


def without_number(title: str, path: str) -> str:
    """A title less the number before it, where the file's name bears that number too.

    A bare number may be meant (`12-factor.md`, `# 12 Factor App`): it goes where the name writes it with zeros before
    it or with three digits that are no year, or where a mark sets it off (`# 12. Deploy`).
    """
    name, said = _IN_NAME.match(path.rpartition("/")[2]), _IN_TITLE.match(title)
    if name is None or said is None or int(name[1]) != int(said[1]):
        return title
    ordinal = name[1].startswith("0") or (len(name[1]) > 2 and int(name[1]) not in _YEARS)
    return title[said.end() :] if ordinal or said[2] else title
