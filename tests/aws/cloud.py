"""What the tests ask of ministack and moto: `cloud.py <origin> <what> <arguments as JSON>` prints its answer as JSON."""

import io
import json
import sys
import urllib.error
import urllib.request
import zipfile

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

origin, what, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")


def aws(service):
    return session.client(service, endpoint_url=origin)


def create_secret(name, value):
    return aws("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]


def store_secret(name, value):
    return aws("secretsmanager").put_secret_value(SecretId=name, SecretString=value)["ARN"]


def deploy(stack, template, bootstrap, parameters, environment):
    """Deploys the template with the code where SAM would put it, and points its functions at the simulator."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(bootstrap, "bootstrap")
    aws("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": session.region_name})
    aws("s3").put_object(Bucket="code", Key="bootstrap.zip", Body=code.getvalue())
    body = template.replace("CodeUri: .", "CodeUri: s3://code/bootstrap.zip")
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    functions = {}
    for function in aws("lambda").list_functions()["Functions"]:
        variables = function["Environment"]["Variables"] | environment
        aws("lambda").update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": variables}
        )
        functions[function["FunctionName"]] = function["Handler"]
    return functions


def invoke(function, payload):
    reply = aws("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))
    return {"error": reply.get("FunctionError"), "payload": json.loads(reply["Payload"].read())}


def invoke_asynchronously(function, payload):
    return aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload))["StatusCode"]


def request(method, path, body, signed):
    """Sends a request to the HTTP API, as a caller of AWS signs it or bare."""
    api = aws("apigatewayv2").get_apis()["Items"][0]["ApiId"]
    headers = {"Host": f"{api}.execute-api.localhost:{origin.rsplit(':', 1)[1]}", "content-type": "application/json"}
    prepared = AWSRequest(method=method, url=origin + path, data=body or None, headers=headers)
    if signed:
        SigV4Auth(session.get_credentials(), "execute-api", session.region_name).add_auth(prepared)
    outgoing = urllib.request.Request(
        origin + path, method=method, data=body.encode() or None, headers=dict(prepared.headers.items())
    )
    try:
        reply = urllib.request.urlopen(outgoing)
    except urllib.error.HTTPError as refused:
        reply = refused
    return {"status": reply.status, "headers": {k.lower(): v for k, v in reply.headers.items()}, "body": reply.read().decode()}


def queue(name):
    return aws("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def shorten_retries(name):
    """Lets a message that fails reach the dead-letter queue within seconds."""
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue(name), AttributeNames=["RedrivePolicy"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"]) | {"maxReceiveCount": 2}
    changed = {"VisibilityTimeout": "5", "RedrivePolicy": json.dumps(redrive)}
    aws("sqs").set_queue_attributes(QueueUrl=queue(name), Attributes=changed)
    return attributes


def send(name, bodies):
    entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
    return len(aws("sqs").send_message_batch(QueueUrl=queue(name), Entries=entries)["Successful"])


def count(name):
    """The messages of a queue, those that a function holds included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue(name), AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def receive(name):
    messages = aws("sqs").receive_message(QueueUrl=queue(name), MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in messages]


def hasten_schedule():
    """Has the stack's rule fire every minute, the shortest that EventBridge knows, and says what was declared."""
    rule = next(rule for rule in aws("events").list_rules()["Rules"] if "ScheduleExpression" in rule)
    aws("events").put_rule(Name=rule["Name"], ScheduleExpression="rate(1 minute)", State="ENABLED")
    return {"schedule": rule["ScheduleExpression"], "state": rule["State"]}


def record(action):
    """moto's recorder of requests: `start-recording`, or `download-recording` for what it saw."""
    recorder = urllib.request.Request(f"{origin}/moto-api/recorder/{action}", method="GET" if action.startswith("down") else "POST")
    return urllib.request.urlopen(recorder).read().decode()


json.dump(globals()[what](**arguments), sys.stdout)
