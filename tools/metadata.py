"""Write ``codemeta.json`` and ``.zenodo.json`` from what ``pyproject.toml`` and ``CITATION.cff`` say.

The address of the repository stands in one place, ``repository.url`` of ``_config.yml``; where that is empty, none is
written.
"""

import json
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def written(root: Path) -> dict[str, str]:
    """Texts of both files, by name."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    address = yaml.safe_load((root / "_config.yml").read_text("utf-8"))["repository"]["url"]
    licences = project["license"].split(" AND ")
    codemeta = {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": citation["title"],
        "identifier": project["name"],
        "description": project["description"],
        "version": project["version"],
        "license": [f"https://spdx.org/licenses/{name}" for name in licences],
        "author": [{"@type": "Organization", "name": each["name"]} for each in citation["authors"]],
        "keywords": citation["keywords"],
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project['requires-python']}",
        "softwareRequirements": project["dependencies"],
        "referencePublication": [each["url"] for each in citation["references"]],
    }
    zenodo = {
        "title": citation["title"],
        "upload_type": "software",
        "description": project["description"],
        "version": project["version"],
        "license": licences[0],
        "notes": f"Code under {licences[0]}, text and figures under {licences[1]}.",
        "creators": [{"name": each["name"]} for each in citation["authors"]],
        "keywords": citation["keywords"],
        "related_identifiers": [
            {
                "identifier": each["url"],
                "relation": "isSupplementTo",
                "resource_type": "publication",
            }
            for each in citation["references"]
        ],
    }
    if address:
        codemeta["codeRepository"] = address
    return {
        name: json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        for name, value in (("codemeta.json", codemeta), (".zenodo.json", zenodo))
    }


if __name__ == "__main__":
    for name, text in written(ROOT).items():
        (ROOT / name).write_text(text, "utf-8")
