"""Prints what a bootstrap for a target is made of, as CycloneDX: `sbom.py <target>`, with cargo-cyclonedx at hand.

cargo-cyclonedx looks at the whole workspace and at macros, which run in the compiler; only what cargo links into the bootstrap is kept.
Neither an instant nor a place is in it, so that the same checkout gives the same text.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

target = sys.argv[1]


def run(*command, folder="."):
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


tree = run("cargo", "tree", "--locked", "--package", "defender-functions", "--target", target,
           "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}

with tempfile.TemporaryDirectory() as folder:
    # It leaves a file beside every member of the workspace.
    copy = subprocess.Popen(["git", "archive", "HEAD"], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder], stdin=copy.stdout, check=True)
    run("cargo", "cyclonedx", "--format", "json", "--describe", "binaries", "--target", target, "--no-build-deps", "--quiet", folder=folder)
    written = pathlib.Path(folder, "bootstrap_bin.cdx.json").read_text(encoding="utf-8")
    bill = json.loads(written.replace(f"path+file://{folder}", "path+file:///defender-functions"))

bill.pop("serialNumber", None)
bill["metadata"].pop("timestamp", None)
bill["components"] = [part for part in bill["components"] if (part["name"], f"v{part['version']}") in linked]
kept = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
bill["dependencies"] = [
    {**edges, "dependsOn": [ref for ref in edges.get("dependsOn", []) if ref in kept]}
    for edges in bill["dependencies"]
    if edges["ref"] in kept
]
described = {(part["name"], f"v{part['version']}") for part in bill["components"]}
missing = {name for name, _ in linked - described if name != "defender-functions"}
if missing:
    sys.exit(f"cargo-cyclonedx tells nothing of {sorted(missing)}")
json.dump(bill, sys.stdout, indent=2, sort_keys=True)
print()
