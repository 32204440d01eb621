"""Prints what is wrong with the sample events by their operations' schemas: the document is the first argument, their folder the second."""

import json
import pathlib
import sys

import jsonschema

document = json.loads(pathlib.Path(sys.argv[1]).read_text())
wrong = []
for path, methods in document["paths"].items():
    for operation in methods.values():
        event = json.loads(pathlib.Path(sys.argv[2], operation["operationId"] + ".json").read_text())
        body = operation.get("requestBody", {"content": {"application/json": {"schema": {}}}})
        taken = body["content"]["application/json"]["schema"]
        parameters = operation["parameters"]
        properties = taken.get("properties", {}) | {one["name"]: one["schema"] for one in parameters}
        required = taken.get("required", []) + [one["name"] for one in parameters if one["required"]]
        # A consent page sends more than is read.
        closed = operation["security"] != [] if "security" in operation else True
        schema = {
            "components": document["components"],
            "properties": properties,
            "required": required,
            "additionalProperties": not closed,
        }
        judge = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        wrong += [f"{operation['operationId']}: {error.message}" for error in judge.iter_errors(event)]
print(json.dumps(wrong))
