"""Request bodies in the three encodings."""

import json
import urllib.parse


def as_json(targets=None, labels=None):
    document = {}
    if targets is not None:
        document["targets"] = targets
    if labels is not None:
        document["labels"] = labels
    return json.dumps(document), "application/json"


def quote_yaml(text):
    """As a double-quoted scalar: like a JSON string, but YAML knows no pairs of surrogates."""
    return "".join(c if c.isascii() else f"\\U{ord(c):08x}" for c in json.dumps(text, ensure_ascii=False))


def as_yaml(targets=None, labels=None):
    """In block style where there is something to write."""
    lines = []
    if targets is not None:
        lines.append("targets:" if targets else "targets: []")
        lines += [f"  - {quote_yaml(target)}" for target in targets]
    if labels is not None:
        lines.append("labels:" if labels else "labels: {}")
        lines += [f"  {quote_yaml(name)}: {quote_yaml(value)}" for name, value in labels.items()]
    return "\n".join(lines or ["{}"]) + "\n", "text/yaml"


def as_form(targets=None, labels=None):
    """None where a form cannot say it: `{}` and an empty labels object."""
    if labels == {} or (targets is None and labels is None):
        return None
    pairs = [] if targets is None else [("targets", ",".join(targets))]
    pairs += (labels or {}).items()
    return urllib.parse.urlencode(pairs), "application/x-www-form-urlencoded"


ENCODINGS = {"json": as_json, "yaml": as_yaml, "form": as_form}


def in_any_order(groups):
    """To compare lists of groups whose order, or whose labels' order, says nothing."""
    return sorted(json.dumps(group, sort_keys=True) for group in groups)
