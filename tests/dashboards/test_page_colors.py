"""The colours of the pages: WCAG 2.2 AA contrast, and series that the colour-blind tell apart.

Simulation: Machado, Oliveira and Fernandes (2009), severity 1. Distance: CIE 1976 in Lab.
"""

import itertools
import json
import re

import pytest

from dashboards.definitions import Chart, pages
from dashboards.rendering import STYLE, static_file

Rgb = tuple[float, float, float]
_LIGHT, _DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{([^}]*)\}", static_file(STYLE))
)
THEMES = {"light": _LIGHT, "dark": _DARK}
_BLINDNESS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
# Neighbours in a stacked bar; below about 10 two areas side by side begin to look alike.
_LEAST_DISTANCE = 11.0


def _linear(color: str) -> Rgb:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))

    def one(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return one(red), one(green), one(blue)


def _contrast(first: str, second: str) -> float:
    lights = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (_linear(first), _linear(second))
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _lab(rgb: Rgb) -> Rgb:
    red, green, blue = (min(max(value, 0.0), 1.0) for value in rgb)
    scaled = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
    )
    x, y, z = (value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in scaled)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["page", "surface"])
@pytest.mark.parametrize("text", ["text", "faint", "accent", "good", "bad"])
def test_text_stands_out(theme: str, ground: str, text: str) -> None:
    assert _contrast(THEMES[theme][text], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("series", range(1, 9))
def test_series_stand_out(theme: str, series: int) -> None:
    assert _contrast(THEMES[theme][f"series-{series}"], THEMES[theme]["surface"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("blindness", _BLINDNESS)
def test_series_differ_for_the_colour_blind(theme: str, blindness: str) -> None:
    seen = {}
    for number in range(1, 9):
        color = _linear(THEMES[theme][f"series-{number}"])
        red, green, blue = (
            sum(weight * part for weight, part in zip(row, color, strict=True)) for row in _BLINDNESS[blindness]
        )
        seen[number] = _lab((red, green, blue))
    near = {
        (first, second): round(distance, 1)
        for first, second in itertools.combinations(seen, 2)
        if (distance := sum((a - b) ** 2 for a, b in zip(seen[first], seen[second], strict=True)) ** 0.5)
        < _LEAST_DISTANCE
    }

    assert near == {}


def test_numbers_are_read_in_every_cell_of_a_heat_map() -> None:
    """At this luminance black and white stand out equally, by 4.58; the charts choose by it."""
    charts = [block for page in pages().values() for block in page.blocks if isinstance(block, Chart)]
    texts = re.findall(
        r"luminance\(scale\('color', datum\.\w+\)\) > ([\d.]+)\", \"value\": \"#000000\"\}, \"value\": \"#ffffff\"",
        json.dumps([chart.specification for chart in charts]),
    )

    assert texts == ["0.179"] * 2
    assert min((0.179 + 0.05) / 0.05, 1.05 / (0.179 + 0.05)) >= 4.5
