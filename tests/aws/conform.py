"""What a run of schemathesis holds the functions to, besides their schemas: loaded by its SCHEMATHESIS_HOOKS."""

import ast
import os
import threading

import schemathesis

# Python 3.11 loses count of its levels when two threads read source at once, as Hypothesis does for its messages.
parse, alone = ast.parse, threading.RLock()


def parse_alone(*arguments, **named):
    with alone:
        return parse(*arguments, **named)


ast.parse = parse_alone

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
def fails_only_where_it_may(ctx, response, case):
    """What Microsoft refuses, a query that is no KQL for example, is a problem of that name, and so is a time that the caller made too
    short. Any other 5xx is a defect."""
    if response.status_code >= 500:
        is_problem = response.headers["content-type"] == ["application/problem+json"]
        code = response.json().get("code") if is_problem else None
        given = [fields for fields in (case.query, case.body) if isinstance(fields, dict)]
        is_short = any("maxSeconds" in fields for fields in given)
        may = {"UpstreamRejected", "DeadlineExceeded"} if is_short else {"UpstreamRejected"}
        assert code in may, f"{response.status_code}: {response.text[:2000]}"
