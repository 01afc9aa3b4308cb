"""How a value looks: random, like a password, or like an id, a reference, a placeholder."""

from __future__ import annotations

import re
from itertools import pairwise, product
from string import ascii_letters, digits
from typing import Final

from detect_secrets.filters.heuristic import is_potential_uuid, is_sequential_string
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

_NAME_AND_NUMBER: Final = re.compile(r"[A-Za-z._]+\d+\Z")
DIGITS: Final = frozenset(digits)
# Pairs of characters that words are made of: the 200 most frequent of English and code, by their first letter.
_PAIRS: Final = (
    "abcdgilmnprstuy baeilou caehiklortu daeiorsu eacdefglmnprstvwx faefioru gaehinrs haeio iabcdefglmnoprstvz kei "
    "ladeilostuy mabeiop nacdefgiostuv obcdglmnoprstuvw paeiloprst qu racdegimnorstuy sacehiopstu tacehilorstuy uab"
    "ceilmnprst vaei waei xpt ze"
)
_FAMILIAR: Final = frozenset(
    pair
    for group in _PAIRS.split()
    for first, second in product(group[0], group[1:])
    for pair in ((first, second), (first.upper(), second), (first.upper(), second.upper()))
)
_COUNTED: Final = frozenset(
    (first, second)
    for first in ascii_letters + digits
    for second in ascii_letters + digits
    if not (first.isdigit() and second.isdigit())
)
# Ids of vendors, public keys, paths of drawings (SVG), and check sums that look as random as a secret.
_VENDORS_ID: Final = re.compile(
    r"(?:toolu|msg|req|call|chatcmpl|cmpl|run|thread|asst|file|resp|evt|cus|pi|sub|price|prod|in|ch|dpl|prj|team"
    r"|user|usr|org"
    r"|acct|session|gen|srvtoolu|cse|conv|task|agent|job|diff)[_-]"
)
ID: Final = re.compile(
    _VENDORS_ID.pattern + r"|pk_(?:test|live)_|0x[0-9a-fA-F]{40}\Z"
    # A pod of Kubernetes, whose ids have neither vowels nor 0, 1 and 3.
    r"|(?:[a-z][a-z\d]*-)+[b-df-hj-np-tv-xz2456789]{8,10}-[b-df-hj-np-tv-xz2456789]{5}\Z"
    # A request at Cloudflare.
    r"|[0-9a-f]{16}-[A-Z]{3}\Z"
    r"|age1[a-z\d]{58}\Z|I[0-9a-f]{32,40}\Z|[a-z]{1,10}-[0-9a-f]{8,64}\Z|AAAA[BCE]|sha\d+-|MII"
    r"|[MLHVCSQTAZmlhvcsqtaz\d_-]+\Z|01[0-9A-Z]{24}\Z|c[klm][a-z\d]{23}\Z"
    r"|\d{4}-\d\d-\d\dT|[0-9a-fA-F_-]+(?:@v?\d+)?\Z|[-_\d]+\Z"
    r"|.*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"
)
BASE64: Final = re.compile(r"(?:sha\d+-)?(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?\Z")
_SIGNS_OF_PASSWORDS: Final = frozenset("!?#*+~$%^&@=")
REFERENCE: Final = re.compile(
    r"[$<{%\[*.~/]|[A-Za-z_][\w-]*(?:(?:\.|::|->)[A-Za-z_]\w*)+\Z|(?:process|os|env|config|settings|self|this)\."
    # A class of a CSS module: `input_password__L4OkV`.
    r"|(?:[a-z]+[_-])+[a-z]+_{2,3}[\w-]{5}\Z"
    # Rules for the input of a form.
    r"|(?:required|nullable|sometimes|present|filled|bail|string|confirmed|min:\d+|max:\d+)\|"
    r"|(?:x{3,}|\*{3,}|\.{3,})|\[redacted|[\w-]*(?:\.\.\.|…|\*\*\*+|x{4,})\Z",
    re.IGNORECASE,
)
# `falcon.tiger6584`: two words, then more digits than the name of an attribute has.
_WORDS_AND_NUMBER: Final = re.compile(
    r"[A-Za-z]{3,12}[._-][A-Za-z]{3,12}(?<![^A-Za-z]sha)(?<![^A-Za-z]utf)\d{2,4}[!?#$*]?\Z"
)
# `otterharbor97`, `Falcon-thunder-335`, `CopperWalnut#5009`, `NebelHafen31?`: words and a number as people choose them.
_CHOSEN: Final = re.compile(
    r"(?=(?:[^A-Za-z]*[A-Za-z]){7})(?!\w*(?:sha|utf|iso|md5|aes|http)-?\d)"
    r"[A-Za-z]{2,16}(?:[-.]?[A-Za-z]{2,16}){0,4}(?:[-.#@!$*+&]?(?!(?:19|20)\d\d\Z)\d{2,4}|[#@!$*+&]\d{2,4})[!?#$*@+&]?\Z"
)
_ATTRIBUTE: Final = re.compile(
    r"(?:self|this|cls|config|conf|cfg|settings|process|env|os|app|ctx|context|req|request|res|response|data|args"
    r"|params|props|options|opts|vars?|locals?|module|values|secrets?|user|fixtures?|state|form|fields|input|test\w*)[._-]"
    r"|.*(?:passw|secret|token|pwd|(?<![a-z])pass|(?<![a-z])key|api_?key)",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"(?:your|my|example|change|replace|insert|enter|dummy|placeholder|todo|none|null|undefined|required|optional)"
    # One repeat: two that share their letters would take years over a long value that is none.
    r"[a-z_ -]*\Z",
    re.IGNORECASE,
)
# A reference has names in it, no random value.
_RANDOM_PART: Final = re.compile(r"(?<=\w\.)(?=[A-Za-z\d]*\d[A-Za-z]*\d[A-Za-z]*\d)[A-Za-z\d]{16,}\Z")
_COMMIT_HASH: Final = re.compile(r"[0-9a-f]{7,11}\Z")
_RANDOM: Final = 2.75
"""Bits per character above which an assigned value of eight characters and more passes for random."""
NUMBERED: Final = re.compile(r"\w[#@?=]v?\d[\d.]*\Z|@[\w.-]*(?:\.[a-z]{2,}\Z|…)|://|[?&]\w+=")
_LONG: Final = 16
_LETTERS: Final = re.compile(r"[A-Za-z_-]{16,}\Z")
_NAMES: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_]\w*)+\Z")
_GENERATED: Final = re.compile(r"(?=\D*\d\D*\d)[A-Za-z\d!?#*+~$%^&@]{14,64}\Z")
_CHANGES: Final = re.compile(r"[a-z](?=[A-Z\d])|[A-Z](?=[a-z\d])|\d(?=[A-Za-z])")
# Words alone: in a sentence some of them would be shorter.
_PASSPHRASE: Final = re.compile(r"[a-z]{4,9}(?: [a-z]{4,9}){3,9}\Z")
_NAMES_ITSELF: Final = re.compile("pass|secret|token|key|pwd", re.IGNORECASE)
_PUBLIC_KEYS: Final = ("pk_test_", "pk_live_")
_NO_DIGITS: Final = re.compile(r"\D+")
_PREFIX: Final = re.compile(r"(?<![a-zA-Z\d])(?!sha|md5)(?:[a-z][a-z\d]{0,10}[_-]|\d{1,10}-)")
_HEX: Final = re.compile(
    r"(?=[^a-fA-F]*[a-fA-F])(?:(?:[0-9a-f]{20,}|[0-9A-F]{20,})(?:-[0-9a-f]+)*|0x[0-9a-f]{64}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12,20})(?:-[0-9a-f]{4,12})*\Z"
)
_ENTROPY: Final = Base64HighEntropyString()


def has_all_signs(value: str) -> bool:
    """Whether a word has letters, digits and signs as passwords have, and is neither address nor code."""
    return (
        any(one.isalpha() for one in value)
        and any(one.isdigit() for one in value)
        and "/" not in value
        and not _SIGNS_OF_PASSWORDS.isdisjoint(value)
        and not REFERENCE.match(value)
        and not NUMBERED.search(value)
    )


def is_worded(value: str) -> bool:
    """Whether a value is two words and a number as people choose them for a password, and no attribute in code."""
    return _WORDS_AND_NUMBER.match(value) is not None and not _ATTRIBUTE.match(value)


def is_chosen(value: str) -> bool:
    """Whether a value is made of words and a number of two to four digits, as people choose passwords."""
    return _CHOSEN.match(value) is not None and not _ATTRIBUTE.match(value)


def look_of(value: str) -> str:
    """What a word looks like: `random`, `hex`, `uuid`, `password`, or nothing of these."""
    if len(value) >= 20:
        digits = value if _HEX.match(value) else _without_prefix(value)
        if len(digits) >= 20 and _HEX.match(digits):
            return "uuid" if "-" in digits[:9] else "hex"
    if len(value) < 8:
        return ""
    is_random = looks_random(value)
    if (is_random or not value.isalnum()) and ID.match(value):
        return ""
    if is_random and len(value) >= 12:
        return "random"
    return "password" if (is_random and not _NAME_AND_NUMBER.match(value)) or has_all_signs(value) else ""


def is_all_signs(value: str) -> bool:
    """Whether a word has everything that generated passwords have: both cases, digits and several signs, no syntax."""
    return (
        _GENERATED.match(value) is not None
        and len(_SIGNS_OF_PASSWORDS.intersection(value)) >= 3
        and not (value.islower() or value.isupper())
        and familiar(value) < 0.4
        and not REFERENCE.match(value)
    )


def _without_prefix(value: str) -> str:
    """What follows a prefix such as `sk-lf-`, which vendors put before a UUID or hexadecimal digits."""
    if _VENDORS_ID.match(value):
        return ""
    rests = (value[prefix.end() :] for prefix in _PREFIX.finditer(value, 0, 36))
    return next((rest for rest in rests if _HEX.match(rest)), "")


def looks_random(value: str) -> bool:
    """Whether neighbouring characters are rarely those of words, or change between cases and digits all the time."""
    share = familiar(value)
    return share < 0.45 or (share < 0.6 and len(value) >= 16 and len(_CHANGES.findall(value)) >= 0.5 * len(value))


def familiar(value: str) -> float:
    """The share of pairs of characters that words and numbers are made of; of a random value it is about 0.2."""
    counted = sum(map(_COUNTED.__contains__, pairwise(value)))
    return sum(map(_FAMILIAR.__contains__, pairwise(value))) / counted if counted >= 6 else 1.0


def is_secret(value: str, *, is_password: bool, is_quoted: bool, may_be_uuid: bool) -> bool:
    """Whether a value assigned to a telling name is a secret, and neither reference nor placeholder nor prose."""
    if is_password and is_worded(value):
        return True
    if len(value) < 4 or _PLACEHOLDER.match(value):
        return False
    if REFERENCE.match(value) and not _RANDOM_PART.search(value):
        return is_password and _is_no_name(value)
    if value.startswith(_PUBLIC_KEYS):
        return False
    # Some vendors issue UUIDs as tokens; as a key of any name (`cache_key`) they are ids.
    if not may_be_uuid and is_potential_uuid(value):
        return False
    if any(character.isspace() for character in value):
        return is_password and is_quoted and _PASSPHRASE.match(value) is not None
    has_digit = any(character.isdigit() for character in value)
    has_sign = any(not character.isalnum() and character not in "_-./" for character in value)
    if is_password:
        if is_quoted:
            # `SECRET = "my_secret"` names one.
            if not (has_digit or has_sign) and _NAMES_ITSELF.search(value):
                return False
            return has_digit or has_sign or _entropy(value) > _RANDOM
        is_random = _LETTERS.match(value) is not None and familiar(value) < (0.65 if value.isupper() else 0.4)
        return len(value) >= 6 and (has_digit or has_sign or is_random) and not is_sequential_string(value)
    if len(value) < 12:
        return look_of(value) == "password" and len(_NO_DIGITS.sub("", value)) >= 2
    if not has_digit:
        # `live_` and 30 letters.
        letters = value.rpartition("_")[2]
        return len(letters) >= 16 and letters.isalpha() and familiar(value) < (0.65 if value.isupper() else 0.4)
    if value.replace(".", "").replace("_", "").isdigit():
        return False
    return not _COMMIT_HASH.match(value) and not is_sequential_string(value) and _entropy(value) > _RANDOM


def _is_no_name(value: str) -> bool:
    """Whether a value in the form of `config.name` is too random for one."""
    return (
        len(value) >= _LONG
        and _NAMES.match(value) is not None
        and len(_CHANGES.findall(value)) >= 0.3 * len(value)
        and familiar(value) < 0.4
    )


def _entropy(value: str) -> float:
    return float(_ENTROPY.calculate_shannon_entropy(value))
