"""Channel `storage`: the documents of an invoice in a folder or in an object store with S3's interface.

A file is only ever created (`If-None-Match: *`), so that putting the same document there again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from invoicing.delivery.port import ChannelName, NotSentError, Parcel, Recipient, RefusedError
from invoicing.paper.documents import Document

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

_SCHEME: Final = "s3"


@dataclass(frozen=True)
class StorageChannel:
    """Documents as files named `<year>/<number>-<first digits of the sha256>.<ending>`.

    Args:
        place: an absolute folder, or `s3://bucket/prefix`.
        options: what the store needs besides, by the names of `obstore.store.S3Store`: `endpoint`, `region`,
            `access_key_id`, `secret_access_key`.
    """

    place: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    name: ChannelName = "storage"

    def target(self, _recipient: Recipient, /) -> str:
        """The folder or bucket, whoever the client is."""
        return self.place

    def send(self, parcel: Parcel, /) -> str:
        """Put every document that is not there yet."""
        store = self._open()
        names = [self._put(store, parcel, document) for document in parcel.documents]
        return " ".join(names)

    def find(self, _parcel: Parcel, /) -> str | None:
        """Sending again finds what is there."""
        raise NotSentError("the documents are put again; those that are there stay")

    def _open(self) -> LocalStore | S3Store:
        # Imported here: every other command does without.
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore, S3Store

        parts = urlsplit(self.place)
        try:
            if parts.scheme != _SCHEME:
                return LocalStore(Path(self.place), mkdir=True)
            return S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                client_options={"allow_http": True, "timeout": "30s"},
                retry_config={"max_retries": 2},
                **self.options,
            )
        except (BaseError, OSError, ValueError) as error:
            raise RefusedError(f"{self.place} cannot be opened ({_reason(error)}); correct STORAGE_URL") from error

    def _put(self, store: LocalStore | S3Store, parcel: Parcel, document: Document) -> str:
        import obstore
        from obstore import exceptions

        stem, _, ending = document.file_name.rpartition(".")
        name = f"{parcel.invoice.issue_date.year}/{stem}-{document.sha256[:8]}.{ending}"
        try:
            try:
                obstore.put(store, name, document.content, mode="create")
            except exceptions.AlreadyExistsError:
                held = hashlib.sha256(bytes(obstore.get(store, name).bytes())).hexdigest()
                if held != document.sha256:
                    raise RefusedError(
                        f"{self.place} has another file named {name}; look at it and move it away"
                    ) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
            raise RefusedError(
                f"{self.place} does not let {name} be written ({_reason(error)}); correct the rights or keys"
            ) from error
        except (exceptions.BaseError, OSError) as error:
            raise NotSentError(f"{self.place} did not take {name} ({_reason(error)})") from error
        return name


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
