#!/usr/bin/env python3
"""Prints the SBOM of a program as CycloneDX 1.5: sbom.py TARGET PROGRAM.

It lists the libraries in the program for this target, from Cargo.lock, without those of the tests and the build.
"""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid


def cargo(*arguments):
    """The lines that cargo prints."""
    command = [os.environ.get("CARGO", "cargo"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def rust_version():
    """The version of the compiler, which is that of the standard library."""
    printed = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout
    return printed.split()[1]


def licensed(expression):
    """The licenses of a component. Cargo allows an older form with `/`."""
    return [{"expression": re.sub(r"\s*/\s*", " OR ", expression)}]


def component(name, version, expression, checksum=None):
    """A library in the program. One without a checksum is not from a registry."""
    reference = f"pkg:{'cargo' if checksum else 'generic'}/{name}@{version}"
    entry = {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    entry["licenses"] = licensed(expression)
    return entry


def tree(target):
    """The components by reference, and the references that each depends on. The first one is the program."""
    with open("Cargo.lock", "rb") as lock:
        checksums = {(it["name"], it["version"]): it.get("checksum") for it in tomllib.load(lock)["package"]}
    components, edges, path = {}, {}, []
    flags = ["--locked", "--prefix=depth", "--no-dedupe", "--edges=normal,no-proc-macro", "--format={p}|{l}"]
    for line in cargo("tree", f"--target={target}", *flags):
        depth, name, version, expression = re.fullmatch(r"(\d+)(\S+) v(\S+)[^|]*\|(.*)", line).groups()
        entry = component(name, version, expression, checksums[name, version])
        reference = entry["bom-ref"]
        components[reference] = entry
        edges.setdefault(reference, set())
        del path[int(depth):]
        if path:
            edges[path[-1]].add(reference)
        path.append(reference)
    return components, edges


def main(target, program):
    with open(program, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    components, edges = tree(target)
    (root, application), *libraries = components.items()
    application |= {"type": "application", "hashes": [{"alg": "SHA-256", "content": digest}]}
    time = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    # The standard library is part of every Rust program, but not of Cargo.lock.
    std = component("rust-std", rust_version(), "MIT OR Apache-2.0")
    edges[root].add(std["bom-ref"])
    edges[std["bom-ref"]] = set()
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": application,
            "properties": [{"name": "target", "value": target}],
        },
        "components": sorted([entry for _, entry in libraries] + [std], key=lambda entry: entry["bom-ref"]),
        "dependencies": [{"ref": ref, "dependsOn": sorted(on)} for ref, on in sorted(edges.items())],
    }
    json.dump(bom, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
