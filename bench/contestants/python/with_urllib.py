"""The function as Microsoft's documents print it: urllib of the standard library, and a token for every call."""

import json
import os
import urllib.parse
import urllib.request


def token(event, audience):
    tenant = event.get("tenantId", os.environ["AZURE_TENANT_ID"])
    url = f"{os.environ['AZURE_AUTHORITY_HOST']}/{tenant}/oauth2/v2.0/token"
    body = {
        "grant_type": "client_credentials",
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "client_secret": os.environ["AZURE_CLIENT_SECRET"],
        "scope": f"{audience}/.default",
    }
    data = urllib.parse.urlencode(body).encode("utf-8")
    with urllib.request.urlopen(urllib.request.Request(url, data)) as response:
        return json.loads(response.read())["access_token"]


def call(url, bearer, body=None):
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": "Bearer " + bearer,
    }
    data = None if body is None else json.dumps(body).encode("utf-8")
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as response:
        return json.loads(response.read())


def list_incidents(event):
    bearer = token(event, "https://graph.microsoft.com")
    top = event.get("top", 50)
    url = f"{os.environ['GRAPH_ENDPOINT']}/v1.0/security/incidents?$top={min(top, 50)}"
    incidents = []
    while url and len(incidents) < top:
        page = call(url, bearer)
        incidents += page["value"]
        url = page.get("@odata.nextLink")
    return {"value": incidents[:top]}


def run_hunting_query(event):
    bearer = token(event, "https://graph.microsoft.com")
    url = f"{os.environ['GRAPH_ENDPOINT']}/v1.0/security/runHuntingQuery"
    return call(url, bearer, {"Query": event["query"]})


def isolate_device(event):
    bearer = token(event, "https://api.securitycenter.microsoft.com")
    url = f"{os.environ['DEFENDER_ENDPOINT']}/api/machines/{event['deviceId']}/isolate"
    isolation = event.get("isolationType", "Full")
    return call(url, bearer, {"Comment": event["comment"], "IsolationType": isolation})


def handle(event, context):
    return globals()[os.environ["_HANDLER"]](event)


if __name__ == "__main__":
    import runtime_api

    runtime_api.run(handle)
