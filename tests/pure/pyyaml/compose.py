"""What PyYAML makes of documents: a JSON list of texts comes in, a JSON list of trees goes out.

The loader is the one written in Python, whose resolver is that of YAML 1.1. Only the first document counts.
"""

import json
import sys

import yaml

TAG = "tag:yaml.org,2002:"


class TooMuch(Exception):
    """A tree that is more than this test is about."""


def plain_text(text):
    """Text as JSON can hold it: half a character is none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def value(loader, node, tag):
    """What a scalar is, where it is something else than text."""
    if tag not in ("bool", "int", "float"):
        return None
    try:
        made = loader.construct_object(node)
    except Exception:
        return "broken"
    return str(made).lower() if tag == "bool" else repr(made)


def merged(loader, node):
    """Keys and values of a mapping, those of merge keys first; a merge of something else is left out."""
    own, others = [], []
    for key, item in node.value:
        if key.tag != TAG + "merge":
            own.append((key, item))
        elif isinstance(item, yaml.MappingNode):
            others.append(merged(loader, item))
        elif isinstance(item, yaml.SequenceNode):
            maps = [part for part in item.value if isinstance(part, yaml.MappingNode)]
            others.append([pair for part in reversed(maps) for pair in merged(loader, part)])
    return [pair for pairs in others for pair in pairs] + own


def tree(loader, node, above, budget):
    budget[0] -= 1
    if budget[0] < 0:
        raise TooMuch("more than a few nodes")
    if any(node is other for other in above):
        raise TooMuch("part of itself")
    above = above + [node]
    if isinstance(node, yaml.ScalarNode):
        tag = node.tag[len(TAG):] if node.tag.startswith(TAG) else "other"
        plain = node.style is None
        return {"text": plain_text(node.value), "tag": tag, "plain": plain, "value": value(loader, node, tag)}
    if isinstance(node, yaml.SequenceNode):
        return {"list": [tree(loader, item, above, budget) for item in node.value]}
    entries = {}
    for key, item in merged(loader, node):
        # A key that is no text is none for us.
        made = tree(loader, item, above, budget)
        if isinstance(key, yaml.ScalarNode):
            entries[plain_text(key.value).replace("-", "_")] = made
    return {"mapping": entries}


def compose(text):
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        if not loader.check_node():
            return {"nothing": True}
        return {"tree": tree(loader, loader.get_node(), [], [5000])}
    except TooMuch as much:
        return {"error": str(much)}
    except yaml.MarkedYAMLError as error:
        return {"error": ": ".join(filter(None, [error.context, error.problem]))}
    except (yaml.YAMLError, ValueError) as error:
        return {"error": str(error).splitlines()[0]}


sys.setrecursionlimit(10000)
json.dump([compose(text) for text in json.load(sys.stdin)], sys.stdout)
