"""Secrets that a call takes by their place: the password of a connection, the key of a cipher or a signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sources.claude_code.redaction.looks import REFERENCE, familiar, has_all_signs, is_chosen, look_of
from sources.claude_code.redaction.texts import in_lower_case, lines_with

# An argument that is none: a literal, an object, a name, a call.
_ANY: Final = r"(?:b?\\?['\"][^'\"\n]{0,120}['\"]|\{[^{}\n]{0,120}\}|[^,'\"(){}\n]{1,60}(?:\([^()\n]{0,60}\))?)\s{0,9},\s{0,9}"
_LITERAL: Final = r"(?:b|n|new key\(|\[\]byte\()?\\?['\"`](?P<{}>[^'\"`\n\\]{{6,128}})\\?['\"`]"
# What makes or checks a hash of a password, or takes a key, as its first argument.
_FIRST: Final = "|".join(
    (
        r"fernet|aes\.new|chacha20\w*\.new|cookieparser|\w*serializer|timestampsigner|signedstring|bcrypt(?:\.\w+)?",
        r"hash::make|hash::check|password_(?:hash|verify)|pwd_context\.\w+|argon2\.\w+|pbkdf2\w*|scrypt\w*",
        r"(?:make|set|check|generate|verify)_?password\w*|checkpw|hashpw|hmac\.new|secretkeyspec|hmacshakeyfor|password",
    )
)
_SECOND: Final = "|".join(
    (
        r"jwt\.\w+|jwt::\w+|createhmac|hmac\.new|signwith|aes\.(?:en|de)crypt|hmacsha\d+|create(?:de)?cipher\w*|hmac\.\w*digest",
        r"login|ftp_login|attempt|basic_?auth|setbasicauth|httpbasicauth|auth\.basic|username_pw_set|plaincredentials",
        r"passwordauthentication|networkcredential|usernamepassword\w*|simple_bind(?:_s)?|wifi\.begin|setcredentials",
        r"authenticate|sign_?in\w*|credentials",
    )
)
_THIRD: Final = "|".join(
    (
        r"pdo|__construct|mysqli\w*|mysql_\w*connect|getconnection|connect|sequelize|ldap_bind|hash_hmac",
        r"openssl_(?:en|de)crypt|connection|ssh2_auth_password|createconnection|ftp_login|real_connect",
    )
)
_CALL: Final = re.compile(
    rf"(?<![a-z\d_])(?:(?:{_FIRST})\(\s{{0,9}}{_LITERAL.format('first')}"
    rf"|(?:{_SECOND})[( ]\s{{0,9}}{_ANY}{_LITERAL.format('second')}"
    rf"|cookiesession\([^()\n]{{0,120}}?keys:\s{{0,3}}\[\s{{0,3}}{_LITERAL.format('listed')}"
    # User, password and the address of a database.
    rf"|connect\(\s{{0,9}}{_ANY}{_LITERAL.format('middle')}\s{{0,9}},\s{{0,9}}['\"][^'\"\n]{{0,80}}[/:]"
    rf"|(?:{_THIRD})\(\s{{0,9}}{_ANY}{_ANY}(?:{_ANY}(?=[^\n,]*\)))?{_LITERAL.format('third')})"
)
# `page.fill('#password', '…')`, `getByLabel('Passwort').fill('…')`, `find_element(By.ID, "password").send_keys("…")`
_FILLED: Final = re.compile(
    r"(?:passw|pwd|kennwort|contrase|\bpw\b|mot de passe|парол)[^\n'\"]{0,24}(?:['\"][^\n'\"]{0,24})?"
    r"(?:['\"]\s{0,9},\s{0,9}|\)\.(?:fill|type|send_?keys|set_?value|presssequentially|clear\(\)\.type)\(\s{0,9})"
    + _LITERAL.format("filled")
)
_FILLS: Final = ("fill", "type(", "keys(", "value(", "sequentially")
# Names of algorithms, hosts, addresses and files.
_ORDINARY: Final = re.compile(
    r"[hrep]s\d{3}\Z|(?:[\w-]*(?:sha|aes|rsa|utf|iso|md5|argon|bcrypt|ecdsa|des))[-_]?\d|[\w.+-]+@[\w.-]+\Z|\w[\w-]*(?:\.[\w-]+)+\Z"
    r"|[a-z_]+\d?\Z|[a-z]+_[a-z_\d]+\Z|[\w.-]*[:/=;]",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(r"\d\D*\d")
_LONG: Final = 12
_MIXED: Final = 10
"""Characters from which on letters of both cases with a digit are no name."""
_FAMILIAR: Final = 0.6


def called(text: str) -> Iterator[tuple[int, int]]:
    """Literals in the place of a password or a key among the arguments of a call."""
    lowered = in_lower_case(text)
    for start, end in lines_with(text, ("(", "auth ")):
        for pattern in (_CALL, _FILLED) if any(lowered.find(one, start, end) >= 0 for one in _FILLS) else (_CALL,):
            for match in pattern.finditer(lowered, start, end):
                span = match.span(match.lastgroup or 0)
                if _is_literal_secret(text[span[0] : span[1]]):
                    yield span


def _is_literal_secret(value: str) -> bool:
    if any(one.isspace() for one in value) or REFERENCE.match(value) or (_ORDINARY.match(value) and not is_chosen(value)):
        return False
    if _NUMBERS.search(value) and len(value) >= _LONG:
        return True
    if len(value) >= _MIXED and not value.islower() and not value.isalpha() and familiar(value) < _FAMILIAR:
        return True
    return bool(is_chosen(value) or has_all_signs(value) or look_of(value) in ("random", "password", "hex"))
