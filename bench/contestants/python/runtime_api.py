"""A loop over Lambda's Runtime API by the standard library, for scripts that bring no runtime of AWS's."""

import http.client
import json
import os
import traceback


def run(handle):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def request(method, path, body=None):
        connection.request(method, "/2018-06-01/runtime/invocation/" + path, body)
        response = connection.getresponse()
        return response.headers, response.read()

    while True:
        headers, event = request("GET", "next")
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            answer = json.dumps(handle(json.loads(event), None)).encode()
            request("POST", request_id + "/response", answer)
        except Exception as error:
            problem = {
                "errorType": type(error).__name__,
                "errorMessage": str(error),
                "stackTrace": traceback.format_exc().splitlines(),
            }
            request("POST", request_id + "/error", json.dumps(problem).encode())
