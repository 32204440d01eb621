"""What a run of schemathesis holds the functions to, besides their schemas: loaded by its SCHEMATHESIS_HOOKS."""

import os
import sys

import schemathesis

# Python 3.11 loses count of the levels when Hypothesis reads its own source deep in a generated value.
sys.setrecursionlimit(20_000)

# Parameters that the functions at hand lack what is needed for.
WITHOUT = set(os.environ.get("WITHOUT_PARAMETERS", "").split(","))


@schemathesis.hook
def before_load_schema(context, schema):
    for methods in schema["paths"].values():
        for operation in methods.values():
            parameters = operation["parameters"]
            operation["parameters"] = [one for one in parameters if one["name"] not in WITHOUT]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            for name in WITHOUT if body else ():
                body["schema"]["properties"].pop(name, None)


@schemathesis.check
def fails_only_where_microsoft_refuses(ctx, response, case):
    """What Microsoft refuses, a query that is no KQL for example, is a problem of that name; any other 5xx is one of ours."""
    if response.status_code >= 500:
        is_problem = response.headers["content-type"] == ["application/problem+json"]
        code = response.json().get("code") if is_problem else None
        assert code == "UpstreamRejected", f"{response.status_code}: {response.text[:2000]}"
