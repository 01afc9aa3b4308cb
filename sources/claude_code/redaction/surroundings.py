"""Values that look random, or like a password: near a telling word, or whatever stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sources.claude_code.redaction.carriers import hides_text
from sources.claude_code.redaction.looks import (
    BASE64,
    DIGITS,
    ID,
    familiar,
    has_all_signs,
    is_all_signs,
    look_of,
    looks_random,
)
from sources.claude_code.redaction.names import TOLD_PASSWORDS
from sources.claude_code.redaction.texts import in_lower_case

# What makes a random or password-like word beside it a secret, whichever comes first.
_HINTS: Final = re.compile(
    rf"(?P<password>{TOLD_PASSWORDS}|creds\b|credential|zugang|log-?in\b|log(?:ged)? in|anmelde|логин|sudo -s|sshpass"
    r"|redis-cli|requirepass|psk\b|pepper|\bsalt\b|htpasswd|passwd|passin|storepass"
    r"|useradd|usermod|user-pass|net user|smbclient|rdesktop|freerdp|cmdkey|lftp|şifre|connect\(|wlan|wi-?fi)"
    r"|(?P<secret>secret|token(?!s|iz)|api|schlüssel|токен|ключ|bearer|authori[sz]ation|signing|\bauth"
    r"|licen[sc]e|_auth"
    r"|jwt|jeton|\bllave|\bchave|\bclé\b|sleutel|klucz|\bseed\b|pat\b|signature|hmac|[?&]sig=|verify=|\bwif\b"
    r"|\btotp|\b2fa|\bmfa|令牌|密钥|秘钥|トークン|토큰|serial number|activation|product ?key)"
    r"|(?P<cookie>session|webhook|\bsid\b|sessid|cookie|logged_in)"
    r"|(?P<key>(?<!cache)(?<!idempotency)(?<!object)(?<!public)(?<!site)(?<!object )(?<!site )(?<!redis"
    r" )(?<!cache[ _-])(?<!primary[ _-])(?<!foreign[ _-])(?<!public[ _-])(?<!sort[ _-])"
    r"(?<!partition[ _-])key(?![a-z\d_]))"
)
_ENOUGH: Final[dict[str, frozenset[str | None]]] = {
    "": frozenset(),
    "uuid": frozenset(("password", "secret", "key")),
    "hex": frozenset(("password", "secret", "key")),
    "random": frozenset(("password", "secret", "key", "cookie")),
    "password": frozenset(("password",)),
}
_BEFORE: Final = 70
_AFTER: Final = 45
# The option of a command that takes a password.
_FLAG: Final = re.compile(r"(?:\s-(?:p|w|k|a|pw|pass) ?|\s/(?:p|pw|pass(?:word)?):|\s-u \w+[%,])['\"]?\Z")
_TELLING_PREFIX: Final = re.compile(
    r"(?:[a-z][a-z\d]{0,10}[_-])?(?:sk|rk|pat|key|tok|token|secret|apikey|auth|oauth)[_-]"
    r"|[a-z][a-z\d]{0,10}[_-](?:live|prod|api|test)[_-]",
    re.IGNORECASE,
)
# `[redacted: Basic Auth Credentials]`, or its end, is no hint.
_MARK: Final = re.compile(r"(?:\A|\[redacted: )[\w ()-]*\]")
_LABEL: Final = re.compile(r"\s*[\w.-]+(?::| /)\s*\Z")
_OPTION: Final = re.compile(r"/[A-Za-z]{1,8}:")
_PARTS: Final = re.compile(r"(?<=[A-Za-z\d])[:%](?=[A-Za-z\d])|:\Z")
_BETWEEN: Final = r"\s\"'`<>(),;|{}\[\]=\\„“«»”→：，。；（）「」"
_CANDIDATE: Final = re.compile(rf"[^{_BETWEEN}]{{8,200}}+(?:=+(?!\w))?")
_MIXED: Final = re.compile(r"(?=[a-z\d]*[A-Z])(?=[A-Z\d]*[a-z])[A-Za-z\d]{8,}\Z")
_SHORTEST: Final = 8
_GENERATED: Final = 14
_LONG: Final = 16
CAPITALS: Final = re.compile(r"[A-Z][A-Z]{15}")
_LETTERS_ALONE: Final = re.compile(r"[A-Z]{16,}\Z")
# `Basil70588`, which is a password in quotes of its own.
_WORD_AND_NUMBER: Final = re.compile(r"[A-Za-z]{4,}\d{3,}\Z")
# `admin / orange-tiger8591`
_WORDS_AND_NUMBER: Final = re.compile(r"[A-Za-z]{3,}(?:[._-]?[A-Za-z]{3,})?\d{3,}[!?#$*]?\Z")
_PAIR: Final = re.compile(
    r"(?:\b(?:are|is|with|as|sind|ist|lauten|mit|son|sont)|[:=])[ \t]+[\w.@-]{2,40}[\"'`]? / [\"'`]?\Z"
)
# An id of a transaction or a block looks like the private key of a wallet.
_TRANSACTION: Final = re.compile(r"0x[0-9a-f]{64}\Z")
_OF_TRANSACTION: Final = re.compile(r"(?<![a-z])(?:tx|txn|txid|transaction|block|hash|mined|receipt)", re.IGNORECASE)
_OF_WALLET: Final = re.compile("key|priv|secret|wallet|seed", re.IGNORECASE)
_RUN: Final = re.compile(
    r"(?:\A|[^A-Za-z\d+_-])(?P<value>(?:(?=[A-Za-z_-]*\d)[A-Za-z\d_-]{20,160}+(?![+])"
    r"(?!\.(?:js|css|log|map|jsonl?|png|svg|woff2?|html|[jt]sx?|jpg|py|md|txt)\b)"
    r"|(?<!\.)(?=[a-z\d+/]{0,160}[A-Z])[A-Za-z\d+/]{32,160}+(?![_-]))={0,2})"
)
_BEFORE_ID: Final = re.compile(
    r"(?:h1|SHA256|sha\d+):\Z|(?<!\S)(?:git (?:show|log|checkout|revert|cherry-pick|diff)|commit) \Z"
    # `[service,trace,span]` in a line of a log.
    r"|\[[\w .-]{1,40},\Z|(?<![a-z])(?<!session_)[iI][dD]s?\\?[\"']?[=:][\\\"' ]{0,3}\Z"
    r"|[pP]ublic[ _-]?[kK]ey\\?[\"']?[ \t]{0,3}[=:][ \t\"']{0,3}\Z|(?<!\S)peer: \Z|\bsigningkey[ =]{1,3}\Z"
    r"|(?:google\.com/\w{4,14}/d|/folders|/files?|/design|/board|/blob|/commit)/\Z|base64,\Z"
)
# The address of a secret at AWS names it.
_ARN: Final = re.compile(r"arn:aws[a-z-]*:[\w:/-]*\Z")
# `Linux-npm-` and the hash of what is cached.
_CACHE: Final = re.compile(r"-?(?:[A-Za-z][A-Za-z\d]*[-_.]){1,8}[0-9a-f]{32,64}\Z")
_OF_CACHE: Final = re.compile(r"cache|restore-?key|runner\.os|hashfiles", re.IGNORECASE)
# A file drawn in base64 is longer than a secret.
_BASE64_BEFORE: Final = re.compile(r"[A-Za-z\d+/_=-]*\Z")
_BASE64_AFTER: Final = re.compile(r"[A-Za-z\d+/_=-]*")
# `take_2d_axis0_int32_float64`
_IDENTIFIER: Final = re.compile(r"(?:[A-Za-z]+\d{0,3}|\d[a-z]?)(?:[_-](?:[A-Za-z]+\d{0,3}|\d{1,2}[a-z]?)){2,}\Z")
_SEGMENT: Final = re.compile(r"[^/]{20,}")
_CHECK_SUM: Final = re.compile(r"sha\d+-|AAAA[BCE]|MII")
_NO_DIGITS: Final = re.compile(r"\D+")


def near(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Random words, and words that look like passwords, in a line with a word that hints at a secret.

    Args:
        text: what is searched.
        words: its stretches without white space, those at least that hold a digit.
    """
    # Most words have letters alone; to leave them out first halves the time.
    longer = " ".join([one for one in words if len(one) >= _SHORTEST and (not one.isalpha() or len(one) >= _LONG)])
    candidates = [
        candidate
        for candidate in _CANDIDATE.findall(longer)
        if (not DIGITS.isdisjoint(candidate) or _LETTERS_ALONE.match(candidate))
        and (candidate[0].isalnum() or _OPTION.match(candidate))
        and (
            look_of(_part(candidate))
            or _MIXED.match(_part(candidate))
            or _WORD_AND_NUMBER.match(candidate)
            or _WORDS_AND_NUMBER.match(_part(candidate))
            or _LETTERS_ALONE.match(candidate)
        )
    ]
    if not candidates:
        return
    lowered = in_lower_case(text)
    end = 0
    for candidate in candidates:
        at = text.index(candidate, end)
        value = _part(candidate)
        start = at + candidate.rindex(value)
        end = start + len(value)
        if _BEFORE_ID.search(text, max(start - 60, 0), start) or _in_file(text, start, end):
            continue
        if _ARN.search(lowered, max(start - 120, 0), start) or _is_of_cache(text, start, end):
            continue
        if _is_near_hint(text, lowered, value, (start, end), at):
            yield start, end


def _is_near_hint(text: str, lowered: str, value: str, span: tuple[int, int], at: int) -> bool:
    """Whether the line of a value that may be a secret says that it is one."""
    start, end = span
    lines = lowered[max(start - _BEFORE, 0) : start].split("\n")
    before = lines[-1]
    if not before.strip(" \t>-*`"):
        # The value has a line of its own, and its name one before.
        before = " ".join([line for line in lines[-2:-5:-1] if line.strip(" \t`")][:2])
    around = f"{before} | {lowered[end : end + _AFTER].partition(chr(10))[0]}"
    hints = {hint.lastgroup for hint in _HINTS.finditer(_MARK.sub("", around))}
    look = look_of(value)
    if (look == "password" or _WORD_AND_NUMBER.match(value)) and _LABEL.match(before):
        # `ubuntu:…` in a list of users, `admin / …` below a sentence.
        hints |= {hint.lastgroup for hint in _HINTS.finditer(" ".join(lines[-2:-4:-1]))} & {"password"}
    if _TELLING_PREFIX.match(value):
        hints.add("secret")
    if _LETTERS_ALONE.match(value):
        look = "random" if familiar(value) < 0.65 else ""
    if not _ENOUGH[look].isdisjoint(hints) or (look in ("random", "password", "") and _FLAG.search(before)):
        return True
    if has_all_signs(value) and not value.islower() and not value.isupper() and _is_quoted(text, at, end):
        return True
    is_alone = text[start - 1 : start] in ("`", "'", '"', "\n") and text[end : end + 1] in (text[start - 1 : start], "")
    if (is_alone or before.endswith(" / ")) and "password" in hints and _WORD_AND_NUMBER.match(value):
        return True
    if "password" in hints and _PAIR.search(before) and _WORDS_AND_NUMBER.match(value):
        return True
    return (
        is_alone
        and look == "password"
        and len(value) >= 10
        and value.isalnum()
        and not hints.isdisjoint(("secret", "key"))
    )


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Whether a word stands in quotes of its own, and is no key of a dictionary or base64."""
    return (
        text[start - 1 : start] in ("'", '"')
        and text[end : end + 1] in ("'", '"', "\\")
        and not (text[start - 2 : start - 1].isalnum() or text[start - 2 : start - 1] in (")", "]"))
        and not BASE64.match(text, start, end)
    )


def _part(word: str) -> str:
    """The part of `user:password`, `user%password` and `key:suffix` that looks like a secret, or the longest."""
    if ":" not in word and "%" not in word:
        return word.rstrip(".")
    if ":" not in word and has_all_signs(word):
        return word
    parts = sorted(_PARTS.split(word.rstrip(".:")), key=len, reverse=True)
    return next((part for part in parts if look_of(part)), parts[0])


def random(text: str) -> Iterator[tuple[int, int]]:
    """Words so random that they are secrets whatever stands around them."""
    for match in _RUN.finditer(text):
        start, end = match.span("value")
        if "/" in match["value"] and "://" in text[max(start - 100, 0) : start]:
            # Of an address each part counts for itself.
            spans = [part.span() for part in _SEGMENT.finditer(text, start, end)]
        else:
            spans = [(start, end)]
        for start, end in spans:
            if _is_random(text[start:end]) and not _is_id(text, start, end):
                yield start, end


def _is_random(value: str) -> bool:
    numbers = len(_NO_DIGITS.sub("", value))
    is_mixed = not (value.islower() or value.isupper())
    if numbers < (2 if len(value) < 32 else 1) or (not is_mixed and (len(value) < 24 or numbers < 4)):
        return False
    if ID.match(value) or ID.match(max(value.split("/"), key=len)) or _IDENTIFIER.match(value):
        return False
    return looks_random(value) if is_mixed else familiar(value) < 0.4


def _is_id(text: str, start: int, end: int) -> bool:
    """Whether a random word is an id by what stands beside it, a part of a check sum, or a text in base64."""
    if _TRANSACTION.match(text[start:end]):
        line = text[max(start - _BEFORE, 0) : start].rpartition("\n")[2] + text[end : end + _AFTER].partition("\n")[0]
        if _OF_TRANSACTION.search(line) and not _OF_WALLET.search(line):
            return True
    if _BEFORE_ID.search(text, max(start - 30, 0), start) or _in_file(text, start, end):
        return True
    if _is_of_cache(text, start, end):
        return True
    before = _BASE64_BEFORE.search(text, max(start - 300, 0), start)
    if before is not None and text.endswith("base64,", 0, before.start()):
        return True
    return (before is not None and _CHECK_SUM.match(text, before.start()) is not None) or hides_text(text[start:end])


def _is_of_cache(text: str, start: int, end: int) -> bool:
    """Whether a word is the key of something cached, which ends with a hash of what it is made from."""
    return (
        _CACHE.match(text, start, end) is not None
        and _OF_CACHE.search(text, max(start - _BEFORE, 0), start) is not None
    )


def signed(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Words of letters in both cases, digits and signs as a generator of passwords makes them."""
    end = 0
    for word in [word for word in words if len(word) >= _GENERATED and not word.isalnum()]:
        value = word.rpartition(":")[2]
        if len(value) >= _GENERATED and is_all_signs(value):
            start = text.index(value, end)
            end = start + len(value)
            yield start, end


def _in_file(text: str, start: int, end: int) -> bool:
    """Whether a word is a part of a file in base64, which is longer than a secret."""
    before, after = _BASE64_BEFORE.search(text, max(start - 300, 0), start), _BASE64_AFTER.match(text, end, end + 300)
    return before is not None and after is not None and after.end() - before.start() > 300
