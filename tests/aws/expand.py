"""Prints a template as JSON: everything switched on, loops unrolled and mappings looked up by SAM's own code."""

import json
import sys

from samcli.lib.cfn_language_extensions import expand_language_extensions
from samcli.yamlhelper import yaml_parse

with open(sys.argv[1], encoding="utf-8") as template:
    expanded = expand_language_extensions(
        yaml_parse(template.read()),
        {
            "Groups": "reading,hunting,changing",
            "AWS::StackName": "defender",
            "AWS::Partition": "aws",
            "AWS::Region": "eu-west-1",
            "AWS::AccountId": "111122223333",
        },
        enabled=True,
    )
json.dump(expanded.expanded_template, sys.stdout, indent=1)
