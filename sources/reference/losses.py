"""What a reference file would take away: when that is too much to be believed, and what consent to it is (rule 2.16).

Rows are told by their keys: ten rows that get new keys are ten rows that go and ten that come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sources.reference.schema import ReferenceFile

ACCEPT = "workledger reference accept"
"""The command by which a person says that rows are meant to go."""
_FEWEST = 5
_SHOWN = 5
_LONGEST_SHOWN_KEY = 60


@dataclass(frozen=True)
class InForce:
    """What has landed before: the keys of every file's rows, and the consents of a person."""

    keys: Mapping[str, Collection[str]] = field(default_factory=dict)
    consents: Collection[str] = ()


@dataclass(frozen=True)
class Loss:
    """Rows in force that a file no longer has, too many to go without consent.

    `what` is wrong with the file. `consent` names this loss: from these rows to this content of the file, and no other.
    """

    file: ReferenceFile
    keys: tuple[str, ...]
    rows_in_force: int
    what: str
    consent: str

    @property
    def extent(self) -> str:
        """How many rows of how many, and the first of their keys."""
        keys = [" ".join(part for part in key.split("|") if part) for key in self.keys[:_SHOWN]]
        cut = [key if len(key) <= _LONGEST_SHOWN_KEY else f"{key[:_LONGEST_SHOWN_KEY]}…" for key in keys]
        more = f" and {len(self.keys) - _SHOWN} more" if len(self.keys) > _SHOWN else ""
        rows = "row" if self.rows_in_force == 1 else "rows"
        key = " + ".join(self.file.key)
        return f"{len(self.keys)} of {self.rows_in_force} {rows} in force ({key}: {', '.join(cut)}{more})"

    @property
    def reason(self) -> str:
        """What is wrong, what would go, and how to say that it is meant to go."""
        accept = f"run `{ACCEPT} {self.file.name}.csv` if they are meant to go"
        return f"{self.what}; {self.extent} would go; restore them, or {accept}"


def loss_of(file: ReferenceFile, keys: Collection[str], content: bytes | None, in_force: InForce) -> Loss | None:
    """The loss that the present content of a file would be, None where it is none or was consented to.

    Too many are all rows of a file, where it has none now; more than a third of them, if these are at least five; of a
    list that ships with Workledger, any row, where a file of one's own is not there any more. Of a file whose rows have
    other spellings only all rows are too many.

    Args:
        file: the file.
        keys: the keys of its rows now; of a vendor's list without a file, those of the one that ships.
        content: its bytes, None where it is not there.
        in_force: what has landed before.
    """
    before = in_force.keys.get(file.name, ())
    lost = sorted(set(before).difference(keys))
    many = len(lost) >= _FEWEST and 3 * len(lost) > len(before) and not file.has_other_spellings
    gone = bool(lost) and (not keys or content is None)
    state = "gone" if content is None else hashlib.sha256(content).hexdigest()
    consent = hashlib.sha256("\0".join((file.name, state, *sorted(before))).encode()).hexdigest()[:32]
    if not (many or gone) or consent in in_force.consents:
        return None
    what = "is not there" if content is None else "has lost rows" if keys else "has no rows"
    return Loss(file, tuple(lost), len(before), what, consent)


def folder_loss(folder: Path, losses: Sequence[Loss]) -> str:
    """The sentence for a folder that holds no reference file any more.

    Args:
        folder: the folder.
        losses: what each of its files would take away.
    """
    what = "holds no reference file" if folder.is_dir() else "is no folder"
    files = ", ".join(f"{loss.file.name}.csv {len(loss.keys)}" for loss in losses)
    names = " ".join(f"{loss.file.name}.csv" for loss in losses)
    accept = f", or run `{ACCEPT} {names}` if the rows are meant to go" if folder.is_dir() else ""
    return (
        f"reference: {folder} {what}, and the rows in force would go ({files}); restore or mount it, or set "
        f"REFERENCE_DIR to the folder with the reference files{accept}"
    )
