"""Addresses are read in one way, or refused before a part of the password passes for a host."""

import pytest

from sources.catalog import SOURCES
from sources.kit.addresses import has_one_reading
from sources.kit.run import main


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:password@host:5432/database",
        "postgres://user:p%40ss%2Fw%23rd@db.example.com/warehouse?sslmode=require&application_name=a%20b",
        "postgresql://user@[::1]:5432/x",
        "postgresql://user:colon:ed!$&'()*+,;=~[]x@host/x",
        "postgresql:///x?host=%2Fvar%2Frun&user=ada",
        "postgresql://ada@%2Fvar%2Frun/x",
        "clickhouses://reader:pa%3Fss@mirror.example.com:8443/tempo?secure=true",
        "http://mirror:secret@127.0.0.1:8123",
        "clickhouse://127.0.0.1",
    ],
)
def test_an_encoded_address_is_read(address: str) -> None:
    assert has_one_reading(address)


@pytest.mark.parametrize(
    "password", ["p@ss", "p/ss", "p#ss", "p?ss", "@", "12/34", "p@s:1/x", "p ss", "p@ss@", "[x]/@"]
)
def test_an_unencoded_sign_is_refused(
    password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"postgresql://user:{password}@host/x"
    assert not has_one_reading(address)
    monkeypatch.setattr("sys.argv", ["sources.tempo", "--dsn", address])
    with pytest.raises(SystemExit) as end:
        main(SOURCES["tempo"])
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert "--dsn cannot be read" in printed.err
    assert address.partition("user:")[2] not in printed.out + printed.err
