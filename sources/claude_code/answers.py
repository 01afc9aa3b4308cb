"""Answers of the model: a record's usage becomes a row of `messages`, its tool calls rows of `tool_calls`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sources.claude_code.records import Gathered, Position, parse_timestamp
from sources.claude_code.rows import cell, row
from sources.claude_code.values import LARGEST_COUNT, SURELY_SHORT, Values, type_name


class AnswerReader:
    """Reads assistant records, and the answers of sub-agents that are nested in progress records."""

    def __init__(self, gathered: Gathered) -> None:
        """Add rows to `gathered`."""
        self._gathered = gathered
        self._checks = gathered.checks
        self._terms_seen: dict[Values, str] = {}

    def read_assistant(self, position: Position, record: dict[str, Any]) -> str:
        """Read an assistant record; the result is the kind of event."""
        self._read(position, record)
        return "answer"

    def _read(self, position: Position, record: dict[str, Any]) -> None:
        """One line of an answer; `record` is an assistant line, or the like of it nested in a progress record."""
        message = record.get("message")
        if type(message) is not dict:
            self._checks.problems.append(f"message is {type_name(message)}")
            return
        usage = message.get("usage")
        content = message.get("content")
        given_id = message.get("id")
        request_id = record.get("requestId")
        model = message.get("model")
        if (
            type(given_id) is not str
            or len(given_id) > SURELY_SHORT
            or type(model) is not str
            or len(model) > SURELY_SHORT
            or not (request_id is None or (type(request_id) is str and len(request_id) <= SURELY_SHORT))
        ):
            names = ("message.id", "requestId", "message.model")
            given_id, request_id, model = self._checks.texts((given_id, request_id, model), names)
        message_id = (
            given_id
            or request_id
            or position.uuid
            or f"{self._gathered.start}{position.offset}:{position.record_index}".replace(",", ":")
        )
        texts: list[str] = []
        if type(content) is list:
            for block_index, block in enumerate(content):
                if type(block) is not dict:
                    self._checks.problems.append(f"a content block is {type_name(block)}")
                    continue
                block_type = block.get("type")
                if block_type == "text":
                    text = block.get("text")
                    if type(text) is str:
                        texts.append(text)
                    elif text is not None:
                        self._checks.problems.append(f"a block's text is {type_name(text)}")
                elif block_type in ("tool_use", "server_tool_use", "mcp_tool_use"):
                    self._read_tool_call(position, block_index, block, message_id)
        elif type(content) is str:
            texts.append(content)
        elif content is not None:
            self._checks.problems.append(f"message.content is {type_name(content)}")
        if usage is None:
            return
        if type(usage) is not dict:
            self._checks.problems.append(f"message.usage is {type_name(usage)}")
            return
        if model:
            self._gathered.models.add(model)
        response_text = None
        if self._gathered.redactor is not None and texts:
            response_text = self._gathered.redactor.text("\n\n".join(texts))
        cost = record.get("costUSD")
        amount = None if cost is None else self._checks.cost(cost)
        counts = self._usage_cells(usage)
        terms = self._terms(usage.get("speed"), usage.get("service_tier"), usage.get("inference_geo"), message)
        start = f"{self._gathered.start}{position.offset},"
        author = f"{position.setting.author},{cell(position.uuid)}"
        request = f"{cell(request_id)},{position.moment or ''}"
        is_error = record.get("isApiErrorMessage") is True
        self._gathered.rows.messages.append(
            f"{start}{position.record_index},{author},{cell(message_id)},{request},{cell(model)},{counts},{terms},"
            f"{is_error},{'' if amount is None else amount},{position.setting.surroundings},"
            f"{cell(response_text) if response_text else ''},{self._gathered.loaded_at}"
        )
        if usage.get("iterations"):
            for number, (advisor, entry) in enumerate(self._advisors(usage["iterations"], model, record), start=1):
                index = self._gathered.next_index
                self._gathered.next_index += 1
                counts = self._usage_cells(entry)
                terms = self._terms(entry.get("speed"), usage.get("service_tier"), usage.get("inference_geo"), {})
                self._gathered.rows.messages.append(
                    f"{start}{index},{author},{cell(f'{message_id}:advisor:{number}')},{request},{cell(advisor)},{counts},"
                    f"{terms},{is_error},,{position.setting.surroundings},,{self._gathered.loaded_at}"
                )

    def _advisors(
        self, iterations: Any, model: str | None, record: dict[str, Any]
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Model and usage of what other models were asked within the answer: the answer's own counts leave them out."""
        if type(iterations) is not list:
            self._checks.problems.append(f"usage.iterations is {type_name(iterations)}")
            return
        for entry in iterations:
            if type(entry) is not dict:
                self._checks.problems.append(f"an entry of usage.iterations is {type_name(entry)}")
                continue
            is_advisor = entry.get("type") == "advisor_message"
            named = entry.get("model") or (record.get("advisorModel") if is_advisor else None)
            (other,) = self._checks.texts((named,), ("an advisor's model",))
            if is_advisor or (other and other != model):
                if other:
                    self._gathered.models.add(other)
                yield other, entry

    def _usage_cells(self, usage: dict[str, Any]) -> str:
        """The counts of a usage in the order of the columns."""
        get = usage.get
        split = get("cache_creation")
        server_tools = get("server_tool_use")
        five_minutes: Any = None
        one_hour: Any = None
        searches: Any = None
        if type(split) is dict:
            five_minutes = split.get("ephemeral_5m_input_tokens")
            one_hour = split.get("ephemeral_1h_input_tokens")
        elif split is not None:
            self._checks.problems.append(f"usage.cache_creation is {type_name(split)}")
        if type(server_tools) is dict:
            searches = server_tools.get("web_search_requests")
        elif server_tools is not None:
            self._checks.problems.append(f"usage.server_tool_use is {type_name(server_tools)}")
        input_tokens: Any = get("input_tokens")
        output_tokens = get("output_tokens")
        cache_read = get("cache_read_input_tokens")
        cache_creation = get("cache_creation_input_tokens")
        try:
            # A union of bits is not negative, and below a power of two, if all of the counts are.
            union = input_tokens | output_tokens | cache_read | cache_creation | (one_hour or 0) | (searches or 0)
            are_counts = 0 <= union < LARGEST_COUNT
        except TypeError:
            are_counts = False
        if not are_counts:
            given = (input_tokens, output_tokens, cache_read, cache_creation, one_hour, searches, five_minutes)
            (input_tokens, output_tokens, cache_read, cache_creation, one_hour, searches, five_minutes) = (
                self._checks.counts(given)
            )
            if cache_creation is None and (five_minutes is not None or one_hour is not None):
                cache_creation = (five_minutes or 0) + (one_hour or 0)
        if one_hour is None and five_minutes is not None:
            one_hour = 0
        if are_counts:
            return (
                f"{input_tokens:d},{output_tokens:d},{cache_read:d},{cache_creation:d},"
                f"{'' if one_hour is None else f'{one_hour:d}'},{'' if searches is None else f'{searches:d}'}"
            )
        return row((input_tokens, output_tokens, cache_read, cache_creation, one_hour, searches))

    def _terms(self, speed: Any, service_tier: Any, inference_geo: Any, message: dict[str, Any]) -> str:
        """The cells of speed, service tier, geography and stop reason, of which there are few combinations."""
        terms = (speed, service_tier, inference_geo, message.get("stop_reason"))
        try:
            return self._terms_seen[terms]
        except (KeyError, TypeError):
            names = ("usage.speed", "usage.service_tier", "usage.inference_geo", "stop_reason")
            texts = self._checks.texts(terms, names)
            cells = row(texts)
            if texts == terms:
                self._terms_seen[terms] = cells
            return cells

    def _read_tool_call(self, position: Position, block_index: int, block: dict[str, Any], message_id: str) -> None:
        tool_use_id = block.get("id")
        name = block.get("name")
        if (
            type(tool_use_id) is not str
            or len(tool_use_id) > SURELY_SHORT
            or type(name) is not str
            or len(name) > SURELY_SHORT
        ):
            tool_use_id, name = self._checks.texts((tool_use_id, name), ("a tool call's id", "a tool call's name"))
        tool_input = block.get("input")
        text = None
        if self._gathered.redactor is not None and tool_input is not None:
            text = self._checks.dump(self._gathered.redactor.value, tool_input)
        self._gathered.rows.tool_calls.append(
            f"{self._gathered.start}{position.offset},{position.record_index},{block_index},{cell(position.setting.session_id)},"
            f"{cell(position.uuid)},{cell(message_id)},{cell(tool_use_id)},{cell(name)},{cell(text)},"
            f"{position.moment or ''},{self._gathered.loaded_at}"
        )

    def read_progress(self, position: Position, record: dict[str, Any]) -> str:
        """A progress record may carry a sub-agent's answer (data.message.message.usage), or a tool's result for one.

        Its data.normalizedMessages repeats earlier ones and is left alone.
        """
        data = record.get("data")
        if type(data) is not dict:
            if data is not None:
                self._checks.problems.append(f"data is {type_name(data)}")
            return "progress"
        nested = data.get("message")
        if type(nested) is not dict:
            return "progress"
        message = nested.get("message")
        if nested.get("type") == "user" and _holds_tool_result(message):
            (agent_id,) = self._checks.texts((data.get("agentId"),), ("data.agentId",))
            self._gathered.author = row((position.setting.session_id, agent_id or position.setting.agent_id, True))
            return "tool_result"
        if nested.get("type") == "assistant" or (type(message) is dict and message.get("usage") is not None):
            names = ("data.agentId", "data.message.uuid")
            agent_id, uuid = self._checks.texts((data.get("agentId"), nested.get("uuid")), names)
            agent_id = agent_id or position.setting.agent_id
            author = row((position.setting.session_id, agent_id, True))
            setting = replace(position.setting, agent_id=agent_id, is_sidechain=True, author=author)
            moment = parse_timestamp(nested.get("timestamp")) or position.moment
            own = Position(position.offset, self._gathered.next_index, uuid, moment, None, setting)
            self._gathered.next_index += 1
            self._read(own, nested)
        return "progress"


def _holds_tool_result(message: Any) -> bool:
    content = message.get("content") if type(message) is dict else None
    return type(content) is list and any(
        type(block) is dict and block.get("type") == "tool_result" for block in content
    )
