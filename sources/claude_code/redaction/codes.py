"""Codes that open something: PINs, codes of doors and alarms, one-time codes, codes that recover an account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sources.claude_code.redaction.looks import looks_random
from sources.claude_code.redaction.texts import in_lower_case, lines_with, places, word_starts

# What every name of a code contains; the short ones stand within other words, too.
_NAMES: Final = (
    "code",
    "codi",
    "geheimzahl",
    "zahlenschloss",
    "combination",
    "schlüssel",
    "recovery key",
    "backup key",
)
# How words begin that hold one, `code` apart.
_STARTS: Final = frozenset(
    (
        "codi",
        "gehe",
        "zahl",
        "comb",
        "schl",
        "reco",
        "back",
        "kod",
        "kodu",
        "kody",
        "kode",
        "koda",
        "pin",
        "pins",
        "puk",
    )
) | {"tan", "mtan", "otp", "mfa", "fa", "cvv", "cvc"}
_SHORT_NAMES: Final = ("kod", "pin", "puk", "tan", "mtan", "otp", "2fa", "mfa", "cvv", "cvc")
_FOREIGN_NAMES: Final = (
    "код",
    "códi",
    "kód",
    "пин",
    "密码",
    "密碼",
    "番号",
    "コード",
    "码",
    "番號",
    "번호",
    "코드",
    "şifre",
    "clé",
    "키",
)
_NUMBER: Final = re.compile(
    r"(?<![a-z\d_.,/#+-])(?:[a-z]-)?(?P<value>\d{4,8}|\d{3}-\d{3}|\d\d?-\d\d?-\d\d?"
    r"|\d{3})#?(?![.,:/-]?[a-z\d_-])(?![ ]?[%€$])"
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d\Z")
# One of these alone is the name of a code.
_CODES: Final = re.compile(
    r"(?<![a-zа-я])(?:pin|puk|cvv2?|cvc2?|otp|2fa|mfa|m?-?tan|sms-?tan|пин)"
    r"(?:[ _-]?(?:code|number|nummer|kode?|код|码|コード)[ау]?|(?![a-zа-я\d]))"
    r"|geheimzahl|digicode|pincode|zahlenschloss|暗証番号|combination(?<=lock combination)"
    r"|combination(?<=safe combination)"
    r"|(?:verification|security|sms|login|one-time|passcode|guard|whatsapp|access|unlock|entry|confirmation|auth\w*)"
    r"[ _-]code"
    r"|(?:bestätigungs|sicherheits|einmal|zugangs|freischalt|anmelde|verifizierungs)-?code"
    r"|код\w* (?:подтверждения|доступа)"
    r"|code de (?:vérification|confirmation|sécurité)|código de (?:verifica|confirma|segur|acceso|acesso)\w+"
    r"|codice di (?:verifica|sicurezza|accesso)|kod (?:weryfikacyjny|dostępu)|(?:doğrulama|onay) kodu"
    r"|验证码|驗證碼|認証コード|인증 ?(?:번호|코드)"
)
_CODE: Final = re.compile(
    r"code|kod[aeuy]?|kód|codi(?:ce|go)|código|код|combination|kombination|密码|密碼|コード|şifre"
)
# What a code opens.
_THINGS: Final = re.compile(
    r"(?<![a-zа-я])(?:alarm|door|gate|garage|safe|vault|lock-?box|padlock|key-?box|key-?pad|entrance|locker"
    r"|tresor|tür|tor"
    r"|schließ|schlüssel|eingang|porte|portail|immeuble|coffre|puerta|portal|caja fuerte|porta|portão|cofre|cassaforte"
    r"|cancello|allarme|drzwi|bram[ya]|sejf|dveř|trezor|kapı|kasa|deur|kluis|poort|dør|dörr|двер|домофон|сейф|подъезд"
    r"|сигнализац|ворот|πόρτα)|门|門|保险|金庫|ドア|玄関"
)
# Between the name and its value: nothing, or words that end with a link, or a few words.
_NEXT: Final = re.compile(r"\w{0,3}\\{0,3}[\"'`]?[ \t]*(?:[:=：]|は|是|为|為)?[ \t]*\\{0,3}[\"'`„“«(*]{0,2}\Z")
_LINKED: Final = re.compile(
    r"(?:[:=：,]|(?:\A|[\s(])(?:is|are|=|ist|lautet|sind|est|es|è|é|jest|to|är|er|on|это|este|είναι|für|for)(?=[ \t])"
    r"|は|是|为|為)[ \t]*[\"'`„“«(*]{0,2}\Z"
)
_WORDS: Final = re.compile(r"\w{0,4}(?:[ \t]+[^\W\d_]{2,16}){0,3}[ \t]+\Z")
# After these a number is no code.
_OTHER: Final = re.compile(
    r"line|zeile|строк|error|fehler|status|exit|http|return|postal|port\b|version|review|table|page|issue|ticket|order"
    r"|threshold|\bid\b|row|test|count|limit|user|kunde|года?\b|\bin\b|\bat\b|\bum\b|since|seit|gpio"
)
_SENTENCE_END: Final = re.compile(r"[.;?!]\s|\d(?![a-z])")
_CALLED: Final = re.compile(
    r"[ \t]+(?:is|ist|est|es|é|è|—|-|–|это)[ \t]+(?:your|dein|ihr|votre|ton|tu|su|seu|il tuo|ваш|the"
    r"|der)\b[^\n\d]{0,40}?"
    r"(?:code|código|codice|код|\bpin\b|\botp\b|\btan\b|passwor)"
)
_FAR: Final = 110
_SHORTEST_CODE: Final = 4

_RECOVERY: Final = re.compile(
    r"(?:recovery|backup|rescue|scratch|emergency|restore|unlock)[ _-]?(?:codes?|keys?)"
    r"|(?:wiederherstellungs|back-?up|notfall|sicherungs|ersatz|einmal)[ -]?(?:codes?|schlüssel)"
    r"|(?:code|clé)s? de (?:secours|récupération|sauvegarde)"
    r"|c[óo]digos? de (?:recupera|respaldo|backup|copia|reserva|emerg)\w*"
    r"|codic[ei] di (?:recupero|backup|emergenza|riserva)|kod\w{0,3} (?:zapasow|odzysk|awaryjn)\w+"
    r"|(?:резервн|запасн|аварийн)\w+ код\w*|код\w* восстановления|(?:herstel|nood|reserve)[ -]?codes?"
    r"|(?:kurtarma|yedek)\w* kod\w*|(?:obnov|zálo)\w* kód\w*|återställningskod\w*|gjenopprettingskod\w*"
    r"|genoprettelseskod\w*|palautuskood\w*|helyreállítási kód\w*|(?:恢复|恢復|备用|備用|备份)(?:代码|代碼|码|碼|密钥)"
    r"|(?:リカバリー?|回復|バックアップ|復旧)(?:コード|キー)|(?:복구|백업) ?(?:코드|키)"
)
# `3466e-73625`, `NI3J-6937-UTGK`, `1234 5678`, `12345678`, `oasew6rd`
_GROUPS: Final = r"[a-z\d]{4,8}(?:-[a-z\d]{4,8}){1,7}"
_RECOVERY_CODE: Final = rf"(?:{_GROUPS}|\d{{4}}[ ]\d{{4}}(?!\d)|\d{{6,10}}|(?=[a-z]*\d)[a-z\d]{{8,16}})"
_ONE: Final = re.compile(
    rf"(?<![\w./@-])(?P<value>{_GROUPS})(?![\w./@-]*\w)|(?<=[:：=][ \t\"'`])(?P<plain>{_RECOVERY_CODE})(?![\w-])"
)
_LINE: Final = re.compile(
    rf"[ \t>|]*(?:[-*•·☐]|\(?\d{{1,2}}[.):])?[ \t]*(?:[\"'`|]?{_RECOVERY_CODE}[\"'`|]?(?:[ \t,;|]+|(?=\n"
    rf"|\Z)))+(?=\n|\Z)"
)
_LISTED: Final = re.compile(rf"(?<![\w-]){_RECOVERY_CODE}(?![\w-])")
_BLANK: Final = re.compile(r"[ \t]*(?:`{3}\w*|[-=+|]*)[ \t]*(?=\n|\Z)")
_ARRAY: Final = re.compile(r"[\w\\\"']{0,4}[ \t]*[:=][ \t]*\[[^\]\[]{0,600}")
_DIGIT: Final = re.compile(r"\d")
_DATE: Final = re.compile(r"(?:19|20)\d\d-\d\d-\d\d|(?:19|20)\d{6}\Z")
_MOST_LINES: Final = 40
_LONGEST_LINE: Final = 2_000
_LONGEST_REST: Final = 60
"""Characters between a name and the end of its line, if a list follows."""


def coded(text: str, lines: str) -> Iterator[tuple[int, int]]:
    """Numbers that a sentence or a name calls a PIN or a code, and codes that recover an account.

    One code in a sentence, or a list of them below or behind its name.

    Args:
        text: the whole text.
        lines: its telling lines.
    """
    lowered = in_lower_case(lines)
    if "code" not in lowered and lowered.isascii() and word_starts(lines).isdisjoint(_STARTS):
        return
    names = [name for name in (_NAMES if lowered.isascii() else (*_NAMES, *_FOREIGN_NAMES)) if name in lowered]
    names += [name for name in _SHORT_NAMES if name in lowered and _is_word(lowered, name)]
    if not names:
        return
    lowered = in_lower_case(text)
    for start, end in lines_with(lowered, tuple(names)):
        yield from _recovery_codes(lowered, start, end)
        for number in _NUMBER.finditer(lowered, start, end):
            if _is_code(lowered[max(start, number.start() - _FAR) : number.start()], number["value"]) or (
                _CALLED.match(lowered, number.end()) and len(number["value"]) >= _SHORTEST_CODE
            ):
                yield number.span("value")


def _is_word(lowered: str, name: str) -> bool:
    """Whether a name begins a word somewhere."""
    return any(not lowered[at - 1 : at].isalpha() for at in places(lowered, (name,)))


def _is_code(before: str, value: str) -> bool:
    """Whether what stands before a number, in its sentence, calls it a code."""
    ends = [one.end() for one in _SENTENCE_END.finditer(before)]
    before = before[ends[-1] :] if ends else before
    end = max([name.end() for name in _CODES.finditer(before)], default=0)
    if not end and len(value) >= _SHORTEST_CODE:
        code, thing = _CODE.search(before), _THINGS.search(before)
        end = max(code.end(), thing.end()) if code and thing else 0
    if not end:
        return False
    rest = before[end:]
    if _NEXT.match(rest):
        return True
    if len(value) < _SHORTEST_CODE or _OTHER.search(rest):
        return False
    return _LINKED.search(rest) is not None or (_WORDS.match(rest) is not None and not _YEAR.match(value))


def _recovery_codes(lowered: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    names = list(_RECOVERY.finditer(lowered, start, min(end, start + _LONGEST_LINE)))
    for name in names:
        yield from _beside(lowered, name.end(), end)
    if names and end - names[-1].end() <= _LONGEST_REST:
        yield from _below(lowered, end)


def _beside(lowered: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Codes in the line of their name, or in the array that is its value."""
    array = _ARRAY.match(lowered, start)
    found = (
        _LISTED.finditer(lowered, start, array.end())
        if array
        else _ONE.finditer(lowered, start, min(end, start + _FAR))
    )
    spans = [code.span(code.lastgroup or 0) for code in found if not _DATE.match(code[0])]
    # One of several codes may have letters alone, as an ordinary word with a hyphen has.
    is_code = any(_DIGIT.search(lowered, *span) or looks_random(lowered[slice(*span)]) for span in spans)
    return iter(spans if is_code else ())


def _below(lowered: str, end: int) -> Iterator[tuple[int, int]]:
    """Codes in the lines below their name, as long as a line holds nothing else."""
    for _ in range(_MOST_LINES):
        if end >= len(lowered):
            return
        start = end + 1
        line = _LINE.match(lowered, start)
        if line is not None:
            yield from (
                code.span() for code in _LISTED.finditer(lowered, start, line.end()) if not _DATE.match(code[0])
            )
        elif (line := _BLANK.match(lowered, start)) is None:
            return
        end = line.end()
