"""Secrets that a head or a question far from them names: columns of tables, entries of blocks, answers in a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sources.claude_code.redaction.looks import has_all_signs, is_chosen, look_of
from sources.claude_code.redaction.names import NAME
from sources.claude_code.redaction.texts import in_lower_case, lines_with, matches_from, places, word_starts

# The head of a table, in Markdown or CSV, and its rows.
_HEAD: Final = re.compile(
    r"\|?(?P<row>[\w /-]{1,40}(?:[|,;\t][\w /-]{1,40}){1,20})\|?[ \t]*\n(?:[|: -]+\n)?",
    re.MULTILINE,
)
_COLUMNS: Final = ("pass", "token", "secret", "key", "pwd")
_ROW: Final = re.compile(r"\|?(?P<row>[^\n|,;\t]*[|,;\t][^\n]*?)\|?[ \t]*(?:\n|\Z)")
_CELL: Final = re.compile(r"[^|,;\t]+")
# `tokens {`, `passwords:`, `"api_keys": {`
_BLOCK_STARTS: Final = ("tokens", "passwords", "secrets", "keys", "credentials", "stringdata", "\ndata:")
_BLOCK: Final = re.compile(
    r"(?:tokens|(?P<encoded>\ndata)|(?P<human>passwords|secrets|credentials|stringdata)|keys(?<=api_keys)"
    r"|keys(?<=apikeys)|keys(?<=api-keys))"
    r"(?:\\?[\"'])?[ \t]*(?:[:=][ \t]*)?(?:(?P<brace>\{)|\n)"
)
_ENTRY: Final = re.compile(
    r"(?:[ \t]*\n){0,3}(?P<indent>[ \t]{0,40})(?:-[ \t]+)?\\?[\"']?(?P<name>[\w.@/-]{1,64})"
    r"\\?[\"']?[ \t]*[:=][ \t]*\\?[\"']?"
    r""
    r"(?P<value>[^\s\"'{},;#\\]{1,200})\\?[\"']?[ \t]*[,;]?(?:[ \t]*(?:#|//)[^\n]{0,200})?"
)
_BLOCK_WORDS: Final = ("tokens", "words", "secrets", "keys", "credential")
_BLOCK_KEYS: Final = frozenset(("toke", "pass", "secr", "keys", "apik", "cred"))
# What Kubernetes calls a secret holds nothing else.
_SECRET: Final = re.compile(r"kind:[ \t]*secret\b")
_DESCRIBED: Final = re.compile(r"(?:id|name|user|host|ur[li]|type|at|path|hash)\Z")
_MOST_ENTRIES: Final = 60
# Who asks for the access to something is answered with a user and a password, or with a password alone.
_QUESTION: Final = re.compile(
    r"(?:log-?in|access|creds?\b|credential|zugang|anmelde|passwor[td]|\bpwd?\b|\bpass\b|kennwort|доступ|логин"
    r"|парол|пасс"
    r"|identifiant|accès|mot de passe|\bmdp\b|acceso|contrase|\bclave\b|credenzial|accesso|senha|dostęp|has[łl]"
    r"|přístup|hesl"
    r"|erişim|şifre|toegang|wachtwoord|密码|账号|帳號|パスワード|ログイン)[^\n]{0,80}[?？]"
)
_ANSWER: Final = re.compile(
    r"(?:(?:\A|[\s:>,(\"])[\w.@+-]{2,64}[ \t]*(?:/|\||[ ][-–—][ ]|:(?=\S))[ \t]*"
    r"|(?<=\n)(?:[^\n]{1,40}?[:>\]][ \t]+)?"
    r"|\"(?:text|content|body|message)\"[ ]?:[ ]?)[\"'`*]{0,2}(?P<value>(?=\S*\d)[^\s\"'`*|,]{6,64})"
)
# A line of a chat, or a message in JSON.
_QUESTION_ENDS: Final = ("?\n", "？\n", '?"', '？"')
_DIGIT: Final = re.compile(r"\d")
_FAR: Final = 300
_MOST_LINES: Final = 6
# `creds: lena@x.de / …`
_PAIRED: Final = re.compile(
    r"(?:creds?|credentials?|log-?in|zugang\w{0,8}|anmeldedaten|identifiants?|acceso|accesso|credencial\w*"
    r"|credenzial\w*"
    r"|доступ\w{0,3}|логин|dostęp|přístup)(?![\w-])[^\n/:,]{0,40}?"
    r"(?P<link>[ \t]*[:=][ \t]*|[ \t](?:is|are|ist|sind|lautet|lauten|mit|with|as|sont|son|est|es)[ \t]+|[ \t]+)"
    r"[\"'`]?[\w.@+-]{2,64}[\"'`]?(?:[ \t]*[/|][ \t]*|,[ ]|:|[ ][-–—][ ])[\"'`]?(?P<value>[^\s\"'`/,;)]{6,64})"
)
_PAIR_STARTS: Final = ("cred", "login", "log-in", "zugang", "anmelde", "identifiant", "acceso", "accesso")
_PAIR_KEYS: Final = frozenset(("cred", "logi", "log", "zuga", "anme", "iden", "acce"))
_ALL_PAIR_STARTS: Final = (*_PAIR_STARTS, "доступ", "логин", "dostęp", "přístup")
_SIGNS: Final = frozenset("!?#$*@+&%")


def grouped(text: str, lines: str) -> Iterator[tuple[int, int]]:
    """Values that a head, or a question, or the access that a sentence speaks of makes secrets.

    Args:
        text: the whole text.
        lines: its telling lines.
    """
    if "|" in lines or "," in lines or "\t" in lines or ";" in lines:
        yield from _tabled(text)
    lowered, starting = in_lower_case(lines), word_starts(lines)
    if (
        not starting.isdisjoint(_BLOCK_KEYS) and any(map(lowered.__contains__, _BLOCK_WORDS))
    ) or "kind: Secret" in text:
        yield from _blocked(text)
    if not (lowered.isascii() and starting.isdisjoint(_PAIR_KEYS)) and (
        starts := tuple(filter(lowered.__contains__, _PAIR_STARTS if lowered.isascii() else _ALL_PAIR_STARTS))
    ):
        yield from _paired(text, starts)
    if ("?" in text or "？" in text) and any(map(text.__contains__, _QUESTION_ENDS)):
        yield from _answered(text)


def _tabled(text: str) -> Iterator[tuple[int, int]]:
    """Values in a column of a table whose head is a name such as `password`."""
    end = 0
    for start, _ in lines_with(in_lower_case(text), _COLUMNS):
        head = _HEAD.match(text, start) if start >= end else None
        if head is None:
            continue
        names = [name.strip().lower() for name in _CELL.findall(head["row"])]
        secret = [NAME.search(name) for name in names]
        if len(names) < 2 or not any(named and not named["any_key"] for named in secret):
            continue
        row = _ROW.match(text, head.end())
        while row is not None:
            cells = list(_CELL.finditer(text, row.start("row"), row.end("row")))
            if len(cells) == len(names):
                for cell, named in zip(cells, secret, strict=True):
                    value = cell[0].strip(" \t\"'`")
                    if value and named and not named["any_key"] and look_of(value) in ("random", "password", "hex"):
                        start = text.index(value, cell.start())
                        yield start, start + len(value)
            end = row.end()
            row = _ROW.match(text, end)


def _blocked(text: str) -> Iterator[tuple[int, int]]:
    """Values of the entries of a block whose head is a name such as `tokens`."""
    lowered = in_lower_case(text)
    for head in matches_from(_BLOCK, lowered, _BLOCK_STARTS):
        if head["encoded"] and _SECRET.search(lowered) is None:
            continue
        line = "" if head["encoded"] else lowered[lowered.rfind("\n", 0, head.start()) + 1 : head.start()]
        indent = len(line) - len(line.lstrip(" \t"))
        end = head.end()
        for _ in range(_MOST_ENTRIES):
            entry = _ENTRY.match(lowered, end)
            if entry is None or (head["brace"] is None and len(entry["indent"]) <= indent):
                break
            end = entry.end()
            value = text[entry.start("value") : entry.end("value")]
            looks = ("uuid", "hex", "random", "password") if head["human"] else ("uuid", "hex", "random")
            if _DESCRIBED.search(entry["name"]):
                continue
            if (
                look_of(value) in looks
                or (head["human"] and _is_password(value))
                or (head["encoded"] and len(value) >= 8)
            ):
                yield entry.span("value")


def _answered(text: str) -> Iterator[tuple[int, int]]:
    """Passwords that answer a question for an access."""
    lowered = in_lower_case(text)
    done = 0
    for place in places(lowered, _QUESTION_ENDS):
        end = place + 1
        first = max(end - _FAR, 0)
        if (
            place < done
            or _DIGIT.search(text, end, end + _FAR) is None
            or _QUESTION.search(lowered, max(lowered.rfind("\n", first, place) + 1, first), end) is None
        ):
            continue
        done = end
        for _ in range(_MOST_LINES):
            done = lowered.find("\n", done + 1, end + _FAR)
            if done < 0:
                done = min(end + _FAR, len(lowered))
                break
        for answer in _ANSWER.finditer(text, end, done):
            value = answer["value"].rstrip(".,;)")
            if _is_password(value):
                yield answer.start("value"), answer.start("value") + len(value)


def _paired(text: str, starts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Passwords that stand behind a user in a sentence on an access."""
    for match in matches_from(_PAIRED, in_lower_case(text), starts):
        start, end = match.span("value")
        value = text[start:end].rstrip(".:")
        if _is_password(value) and (match["link"].strip() or not _SIGNS.isdisjoint(value)):
            yield start, start + len(value)


def _is_password(value: str) -> bool:
    return is_chosen(value) or has_all_signs(value) or look_of(value) in ("password", "random")
