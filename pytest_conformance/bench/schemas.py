"""JSON Schemas of every kind of file that people write, for editors and for `conformance schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_conformance.yamlfile.model import FileModel


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each kind of file by its name ("conformance-bench/1").

    They accept what the reader accepts, as far as a schema can say it: references and limits between parts of a
    file, and quotes around text, are checked by the reader only.
    """
    return {name: _schema(name, model) for name, model in _models().items()}


def _models() -> Mapping[str, type[FileModel]]:
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.declaration.model import Declaration
    from pytest_conformance.declaration.order import Order
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.stimulus.planfile import PlanFile
    from pytest_conformance.stimulus.register import Artefacts, Subjects

    return {
        "conformance-artefacts/1": Artefacts,
        "conformance-bench/1": BenchFile,
        "conformance-declaration/1": Declaration,
        "conformance-order/1": Order,
        "conformance-plan/1": PlanFile,
        "conformance-profile/1": Profile,
        "conformance-subjects/1": Subjects,
    }


def _schema(name: str, model: type[FileModel]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{name.replace('/', ':')}", **schema}
