"""Holds documents against a JSON Schema, as an editor would: YAML 1.1 by PyYAML, the rest by jsonschema.

Reads {"schema": …, "documents": {name: text}}; writes {name: [place, …]}, a place being a list of keys and
numbers, or {name: "why it cannot be read"}.
"""

import json
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """What a JSON document can hold: times are text, and so is what has a tag of another program."""


def anything(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("", anything)
for tag in ["timestamp", "binary"]:
    Loader.add_constructor("tag:yaml.org,2002:" + tag, Loader.construct_scalar)


def plain(value):
    """The value with keys that are text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def place(error):
    path = list(error.absolute_path)
    # What is there and empty is missing: that is told of the item.
    if "filled-text" in error.schema_path or error.schema.get("minLength") == 1:
        if error.instance in (None, ""):
            path.pop()
    return path


def judge(validator, text):
    try:
        document = next(yaml.load_all(text, Loader), None)
    except yaml.YAMLError as error:
        return type(error).__name__
    return [place(error) for error in validator.iter_errors(plain(document))]


def main():
    task = json.load(sys.stdin)
    jsonschema.Draft202012Validator.check_schema(task["schema"])
    validator = jsonschema.Draft202012Validator(task["schema"])
    json.dump({name: judge(validator, text) for name, text in task["documents"].items()}, sys.stdout)


main()
