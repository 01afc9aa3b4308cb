"""Secrets that a call takes by their place: the password of a connection, the key of a cipher or a signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_lowercase, digits
from typing import Final

from sources.claude_code.redaction.looks import REFERENCE, familiar, has_all_signs, is_chosen, look_of
from sources.claude_code.redaction.texts import in_lower_case

# Which argument is the password or the key, by the name of the call or the end of it.
_CALLS: Final[dict[str, int]] = (
    dict.fromkeys(
        (
            *(
                "fernet",
                "aes.new",
                "chacha20.new",
                "chacha20_poly1305.new",
                "cookieparser",
                "urlsafeserializer",
                "urlsafetimedserializer",
            ),
            *(
                "timestampsigner",
                "signedstring",
                "bcrypt",
                "hash::make",
                "hash::check",
                "password_hash",
                "password_verify",
            ),
            *(
                "bcrypt.hash",
                "bcrypt.hashsync",
                "bcrypt.compare",
                "bcrypt.comparesync",
                "pwd_context.hash",
                "pwd_context.verify",
            ),
            *(
                "argon2.hash",
                "argon2.verify",
                "pbkdf2",
                "pbkdf2sync",
                "scrypt",
                "scryptsync",
                "hashlib.scrypt",
                "make_password",
            ),
            *(
                "set_password",
                "setpassword",
                "check_password",
                "generate_password_hash",
                "checkpw",
                "hashpw",
                "hmac.new",
            ),
            *(
                "secretkeyspec",
                "hmacshakeyfor",
                "password",
                "generatefrompassword",
                "createsecretkey",
                "verifypassword",
            ),
        ),
        1,
    )
    | dict.fromkeys(
        (
            *(
                "jwt.sign",
                "jwt.verify",
                "jwt.encode",
                "jwt.decode",
                "jwt::encode",
                "jwt::decode",
                "createhmac",
                "signwith",
            ),
            *(
                "hmac_new",
                "aes.encrypt",
                "aes.decrypt",
                "hmacsha1",
                "hmacsha256",
                "hmacsha512",
                "createcipheriv",
                "createcipher",
            ),
            *("createdecipheriv", "createdecipher", "hexdigest", "hmac.digest", "base64digest", "login", "attempt"),
            *(
                "basic_auth",
                "basicauth",
                "setbasicauth",
                "httpbasicauth",
                "auth.basic",
                "username_pw_set",
                "plaincredentials",
            ),
            *(
                "passwordauthentication",
                "networkcredential",
                "usernamepasswordcredentials",
                "usernamepasswordcredential",
            ),
            *(
                "usernamepasswordauthenticationtoken",
                "simple_bind",
                "simple_bind_s",
                "wifi.begin",
                "setcredentials",
                "authenticate",
            ),
            *(
                "signin",
                "sign_in",
                "signinwithemailandpassword",
                "createuserwithemailandpassword",
                "basiccredentials",
                "logon",
            ),
        ),
        2,
    )
    | dict.fromkeys(
        (
            *(
                "pdo",
                "__construct",
                "ftp_login",
                "mysqli",
                "mysqli_connect",
                "mysqli_real_connect",
                "mysql_connect",
                "mysql_real_connect",
            ),
            *("getconnection", "connect", "sequelize", "ldap_bind", "hash_hmac", "openssl_encrypt", "openssl_decrypt"),
            *("connection", "ssh2_auth_password", "createconnection", "real_connect", "execute_kw"),
        ),
        3,
    )
)
_NAME: Final = ascii_lowercase + digits + "_.:>-"
_LONGEST_NAME: Final = 40
# Ruby does without the bracket.
_CALL: Final = re.compile(r"(?<![a-z\d_])(?P<last>[a-z\d_]{2,40})(?:\(|(?<=basic_auth)[ ])")
# An argument that is none: a literal, an object, a name, a call.
_ANY: Final = (
    r"(?:b?\\?['\"][^'\"\n]{0,120}['\"]|\{[^{}\n]{0,120}\}|[^,'\"(){}\n]{1,60}(?:\([^()\n]{0,60}\))?)\s{0,9},\s{0,9}"
)
_LITERAL: Final = r"(?:b|n|new key\(|\[\]byte\()?\\?['\"`](?P<value>[^'\"`\n\\]{6,128})\\?['\"`]"
_ARGUMENTS: Final = {
    1: re.compile(rf"\s{{0,9}}{_LITERAL}"),
    2: re.compile(rf"\s{{0,9}}{_ANY}{_LITERAL}"),
    3: re.compile(rf"\s{{0,9}}{_ANY}{_ANY}(?:{_ANY}(?=[^\n,]*\)))?{_LITERAL}"),
}
# User, password and the address of a database.
_MIDDLE: Final = re.compile(rf"\s{{0,9}}{_ANY}{_LITERAL}\s{{0,9}},\s{{0,9}}['\"][^'\"\n]{{0,80}}[/:]")
# Go has the key behind the hash: `hmac.New(sha256.New, []byte("…"))`.
_KEY_OF_GO: Final = re.compile(rf"{_ANY}(?=\[\]byte){_LITERAL}")
_KEYS: Final = re.compile(rf"[^()\n]{{0,120}}?keys:\s{{0,3}}\[\s{{0,3}}{_LITERAL}")
# `authenticate(database, user, password, {})` of Odoo.
_FURTHER: Final = {"connect": (_MIDDLE,), "new": (_KEY_OF_GO,), "authenticate": (_ARGUMENTS[3],)}
# `page.fill('#password', '…')`, `getByLabel('Passwort').fill('…')`, `find_element(By.ID, "password").send_keys("…")`
_FIELDS: Final = frozenset(
    ("fill", "type", "sendkeys", "send_keys", "setvalue", "set_value", "presssequentially", "input_text")
)
_FIELD: Final = re.compile(r"passw|pwd|kennwort|contrase|\bpw\b|mot de passe|парол|\bpass\b")
_FILLED: Final = re.compile(rf"\s{{0,9}}(?:{_ANY})?{_LITERAL}")
_LAST_NAMES: Final = _FIELDS | {"cookiesession"} | {re.split("[.:>-]+", name)[-1] for name in _CALLS}
_FAR: Final = 80
_LONGEST_CALL: Final = 400
# Names of algorithms, hosts, addresses and files.
_ORDINARY: Final = re.compile(
    r"[hrep]s\d{3}\Z|(?:[\w-]*(?:sha|aes|rsa|utf|iso|md5|argon|bcrypt|ecdsa|des))[-_]?\d|[\w.+-]+@[\w.-]+\Z|\w[\w-]*(?:\.[\w-]+)+\Z"
    r"|[a-z_]+\d?\Z|[a-z]+_[a-z_\d]+\Z|[\w.-]*[:/=;]",
    re.IGNORECASE,
)
_NUMBERED: Final = re.compile(r"['\"`](?=[^'\"`\s\d]{0,64}\d)[^'\"`\s]{6,128}['\"`]")
_NUMBERS: Final = re.compile(r"\d\D*\d")
_LONG: Final = 12
_MIXED: Final = 10
"""Characters from which on letters of both cases with a digit are no name."""
_FAMILIAR: Final = 0.6


def called(text: str, lines: str) -> Iterator[tuple[int, int]]:
    """Literals in the place of a password or a key among the arguments of a call.

    Args:
        text: the whole text.
        lines: its telling lines.
    """
    if "(" not in lines or _NUMBERED.search(lines) is None:
        return
    lowered = in_lower_case(text)
    for literal in _NUMBERED.finditer(text):
        start = literal.start() + 1
        line = max(lowered.rfind("\n", 0, start) + 1, start - _LONGEST_CALL)
        if (
            lowered.find("(", line, start) >= 0
            and _is_argument(lowered, line, start)
            and _is_literal_secret(literal[0][1:-1])
        ):
            yield start, literal.end() - 1


def _is_argument(lowered: str, line: int, start: int) -> bool:
    """Whether a literal is the password or the key among the arguments of the call that it stands in."""
    for call in _CALL.finditer(lowered, line, start):
        last, at = call["last"], call.end() - 1
        if last not in _LAST_NAMES:
            continue
        before = lowered[max(at - _LONGEST_NAME, 0) : at]
        name = before[len(before.rstrip(_NAME)) :]
        if last in _FIELDS:
            patterns = [_FILLED] if _FIELD.search(lowered, max(at - _FAR, line), start) else []
        elif last == "cookiesession":
            patterns = [_KEYS]
        elif place := _CALLS.get(last) or _CALLS.get(name) or _CALLS.get(_last_two(name)):
            patterns = [_ARGUMENTS[place], *_FURTHER.get(last, ())]
        else:
            continue
        for pattern in patterns:
            match = pattern.match(lowered, at + 1)
            if match is not None and match.start("value") == start:
                return True
    return False


def _last_two(name: str) -> str:
    """`jwt.sign` of `this.jwt.sign`, `hash::make` of `app.hash::make`."""
    start = max(name.rfind(one, 0, max(name.rfind("."), name.rfind("::"), 0)) for one in ".>:")
    return name[start + 1 :]


def _is_literal_secret(value: str) -> bool:
    if (
        any(one.isspace() for one in value)
        or REFERENCE.match(value)
        or (_ORDINARY.match(value) and not is_chosen(value))
    ):
        return False
    if _NUMBERS.search(value) and len(value) >= _LONG:
        return True
    if len(value) >= _MIXED and not value.islower() and not value.isalpha() and familiar(value) < _FAMILIAR:
        return True
    return bool(is_chosen(value) or has_all_signs(value) or look_of(value) in ("random", "password", "hex"))
