"""Prints a template as JSON, as SAM's own code reads it: `expand.py <template> <parameters as JSON>`, defaults for those left out.

`unrolled` has its loops unrolled and its mappings looked up; `loops` and `references` are before and after unrolling alone, with
every function of CloudFormation still there; `conditions` says which hold; `written` is the text that SAM deploys.
"""

import copy
import json
import sys

from samcli.lib.cfn_language_extensions import expand_language_extensions
from samcli.lib.cfn_language_extensions.api import create_default_intrinsic_resolver
from samcli.lib.cfn_language_extensions.models import ResolutionMode, TemplateProcessingContext
from samcli.lib.cfn_language_extensions.processors import ForEachProcessor, TemplateParsingProcessor
from samcli.yamlhelper import yaml_dump, yaml_parse

path, chosen = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    template = yaml_parse(file.read())
parameters = {
    **json.loads(chosen),
    "AWS::StackName": "defender",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
}
context = TemplateProcessingContext(
    fragment=copy.deepcopy(template), parameter_values=parameters, resolution_mode=ResolutionMode.PARTIAL
)
resolver = create_default_intrinsic_resolver(context)
for processor in TemplateParsingProcessor(), ForEachProcessor(resolver):
    processor.process_template(context)
unrolled = expand_language_extensions(copy.deepcopy(template), parameters, enabled=True).expanded_template
# The loops' processor passes over them, as they come before any resource.
if "Globals" in unrolled:
    unrolled["Globals"] = resolver.resolve_value(unrolled["Globals"])
conditions = {name: resolver.resolve_value(condition) for name, condition in context.fragment["Conditions"].items()}
printed = {
    "unrolled": unrolled,
    "loops": template,
    "references": context.fragment,
    "conditions": conditions,
    "written": yaml_dump(template),
}
json.dump(printed, sys.stdout, indent=1)
