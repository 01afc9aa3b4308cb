"""Pictures of the pages for the documentation, taken by a browser without a window.

    python -m dashboards.pictures PAGES PICTURES

PAGES is the folder that the asset `reports/pages` writes. Needs Chromium (Debian: apt-get install chromium).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
# Name of the picture: page, width and height in pixels, whether in the dark.
_PICTURES: Final = {
    "month": ("month", 1400, 1180, False),
    "ai_dark": ("ai", 1400, 1180, True),
    "to_bill_phone": ("to_bill", 390, 1000, False),
}


def main() -> None:
    """Take each picture."""
    if len(sys.argv) != 3:
        sys.exit("Name the folder of the pages and the folder of the pictures.")
    pages, pictures = map(Path, sys.argv[1:])
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"No browser is found: install one of {', '.join(BROWSERS)}.")
    for name, (page, width, height, dark) in _PICTURES.items():
        file = pages / f"{page}.html"
        if not file.exists():
            sys.exit(f"{file} does not exist; `workledger run --select 'key:\"reports/pages\"'` writes it.")
        _take(browser, file, pictures / f"{name}.png", (width, height), dark=dark)


def _take(browser: str, page: Path, picture: Path, size: tuple[int, int], *, dark: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="workledger-pictures-", ignore_cleanup_errors=True) as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=15000",
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={picture.resolve()}",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        ]
        subprocess.run([browser, *options, page.resolve().as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
