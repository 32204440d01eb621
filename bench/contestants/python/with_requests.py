"""The function as a careful user would write it in Python: requests with a session, tokens kept, boto3 where AWS is asked."""

import os
import time

import requests

session = requests.Session()
tokens = {}


def proof():
    secret = os.environ.get("AZURE_CLIENT_SECRET")
    if secret is None:
        # Loaded by who needs it: it takes longer than everything else.
        import boto3

    if os.environ.get("AZURE_CREDENTIAL") == "aws":
        audience = "api://AzureADTokenExchange"
        vouched = boto3.client("sts").get_web_identity_token(
            Audience=[audience], SigningAlgorithm="RS256", DurationSeconds=300
        )
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {
            "client_assertion_type": kind,
            "client_assertion": vouched["WebIdentityToken"],
        }
    if secret is None:
        name = os.environ["AZURE_CLIENT_SECRET_ID"]
        kept = boto3.client("secretsmanager").get_secret_value(SecretId=name)
        secret = kept["SecretString"]
    return {"client_secret": secret}


def token(event, audience):
    tenant = event.get("tenantId", os.environ["AZURE_TENANT_ID"])
    bearer, until = tokens.get(tenant, (None, 0))
    if time.monotonic() < until:
        return bearer
    url = f"{os.environ['AZURE_AUTHORITY_HOST']}/{tenant}/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "scope": f"{audience}/.default",
        **proof(),
    }
    response = session.post(url, data=form)
    response.raise_for_status()
    grant = response.json()
    tokens[tenant] = (grant["access_token"], time.monotonic() + grant["expires_in"] - 60)
    return grant["access_token"]


def call(method, url, bearer, body=None):
    headers = {"Authorization": "Bearer " + bearer}
    response = session.request(method, url, headers=headers, json=body)
    response.raise_for_status()
    return response.json()


def list_incidents(event):
    bearer = token(event, "https://graph.microsoft.com")
    top = event.get("top", 50)
    url = f"{os.environ['GRAPH_ENDPOINT']}/v1.0/security/incidents?$top={min(top, 50)}"
    incidents = []
    while url and len(incidents) < top:
        page = call("GET", url, bearer)
        incidents += page["value"]
        url = page.get("@odata.nextLink")
    return {"value": incidents[:top]}


def run_hunting_query(event):
    bearer = token(event, "https://graph.microsoft.com")
    url = f"{os.environ['GRAPH_ENDPOINT']}/v1.0/security/runHuntingQuery"
    return call("POST", url, bearer, {"Query": event["query"]})


def isolate_device(event):
    bearer = token(event, "https://api.securitycenter.microsoft.com")
    url = f"{os.environ['DEFENDER_ENDPOINT']}/api/machines/{event['deviceId']}/isolate"
    isolation = event.get("isolationType", "Full")
    body = {"Comment": event["comment"], "IsolationType": isolation}
    return call("POST", url, bearer, body)


def handle(event, context):
    return globals()[os.environ["_HANDLER"]](event)


if __name__ == "__main__":
    import runtime_api

    runtime_api.run(handle)
