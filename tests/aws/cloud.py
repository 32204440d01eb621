"""What the tests ask of ministack and moto: `cloud.py <origin> <what> <arguments as JSON>` prints its answer as JSON."""

import hashlib
import base64
import gzip
import io
import json
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

origin, what, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")


def aws(service):
    return session.client(service, endpoint_url=origin)


def create_secret(name, value):
    return aws("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]


def store_secret(name, value):
    return aws("secretsmanager").put_secret_value(SecretId=name, SecretString=value)["ARN"]


def deploy(stack, template, checkout, bootstrap, parameters, environment):
    """Deploys the template with the code and the workflows where SAM would put them, and points its functions at the simulator."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(bootstrap, "bootstrap")
    aws("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": session.region_name})
    aws("s3").put_object(Bucket="code", Key="bootstrap.zip", Body=code.getvalue())
    for workflow in (pathlib.Path(checkout) / "workflows").iterdir():
        # ministack passes over the JSONata of a distributed Map: its children run within the execution here.
        definition = workflow.read_text().replace('"DISTRIBUTED"', '"INLINE"')
        aws("s3").put_object(Bucket="code", Key=f"workflows/{workflow.name}", Body=definition.encode())
    body = pathlib.Path(template).read_text().replace("CodeUri: target/lambda/bootstrap", "CodeUri: s3://code/bootstrap.zip")
    body = body.replace("DefinitionUri: workflows/", "DefinitionUri: s3://code/workflows/")
    cloudformation = aws("cloudformation")
    # As SAM does: CloudFormation takes 51,200 bytes by themselves.
    aws("s3").put_object(Bucket="code", Key="template.yaml", Body=body.encode())
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"{origin}/code/template.yaml",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    functions = {}
    for function in aws("lambda").get_paginator("list_functions").paginate().search("Functions[]"):
        variables = function["Environment"]["Variables"] | environment
        if redirect := variables.get("CONSENT_REDIRECT_URI"):
            # As the address of an HTTP API is at AWS.
            variables["CONSENT_REDIRECT_URI"] = redirect.replace("http://", "https://")
        aws("lambda").update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": variables}
        )
        functions[function["FunctionName"]] = function["Handler"]
    return functions


def deploy_monitoring(template):
    """Deploys what watches, for the log group of one group of functions."""
    group = "/aws/lambda/defender-reading"
    aws("logs").create_log_group(logGroupName=group)
    parameters = {"Stack": "defender", "LogGroups": group, "ReadingLogs": group}
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName="monitoring",
        TemplateBody=pathlib.Path(template).read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="monitoring", WaiterConfig={"Delay": 1})


def count_metrics(line):
    """Counts what a line in CloudWatch's embedded metric format says, as CloudWatch does."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        data = [
            {
                "MetricName": metric["Name"],
                "Unit": metric["Unit"],
                "Value": line[metric["Name"]],
                "Dimensions": [{"Name": name, "Value": line[name]} for name in dimensions],
            }
            for metric in directive["Metrics"]
            for dimensions in directive["Dimensions"]
        ]
        aws("cloudwatch").put_metric_data(Namespace=directive["Namespace"], MetricData=data)


def raised_alarms():
    """The logical ids of the alarms that ring, once they have looked."""
    stack = {one["PhysicalResourceId"]: one["LogicalResourceId"] for one in resources_of("monitoring")}
    for _ in range(60):
        alarms = aws("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
        if alarms:
            break
        time.sleep(1)
    return [stack[alarm["AlarmName"]] for alarm in alarms]


def resources_of(stack):
    return aws("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]


def resource(stack, name):
    """The name that a resource of the stack goes by."""
    found = aws("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=name)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def invoke(function, payload):
    reply = aws("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))
    return {"error": reply.get("FunctionError"), "payload": json.loads(reply["Payload"].read())}


def invoke_asynchronously(function, payload):
    return aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload))["StatusCode"]


def request(api, method, path, body, signed):
    """Sends a request to the HTTP API of that name, as a caller of AWS signs it or bare."""
    api = next(one["ApiId"] for one in aws("apigatewayv2").get_apis()["Items"] if one["Name"] == api)
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


def take(name):
    """The next message of a queue, which is then gone, or nothing."""
    for message in aws("sqs").receive_message(QueueUrl=queue(name), MaxNumberOfMessages=1).get("Messages", []):
        aws("sqs").delete_message(QueueUrl=queue(name), ReceiptHandle=message["ReceiptHandle"])
        return message["Body"]


def hasten_schedule():
    """Has the stack's rule fire every minute, the shortest that EventBridge knows, and says what was declared."""
    rule = next(rule for rule in aws("events").list_rules()["Rules"] if "ScheduleExpression" in rule)
    aws("events").put_rule(Name=rule["Name"], ScheduleExpression="rate(1 minute)", State="ENABLED")
    return {"schedule": rule["ScheduleExpression"], "state": rule["State"]}


def hasten(schedule):
    """Has a schedule's target begin at once, by a schedule for a moment that has passed, and says when it would have."""
    declared = aws("scheduler").get_schedule(Name=schedule)
    aws("scheduler").create_schedule(
        Name=f"{schedule}-now",
        ScheduleExpression="at(2026-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=declared["Target"],
    )
    return {"schedule": declared["ScheduleExpression"], "state": declared["State"]}


def tap(bus, queue):
    """Has a queue receive whatever is put on a bus."""
    url = aws("sqs").create_queue(QueueName=queue)["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("events").put_rule(Name=queue, EventBusName=bus, EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    aws("events").put_targets(Rule=queue, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return arn


def drain(name):
    """All messages of a queue, which are then gone."""
    bodies = []
    while messages := aws("sqs").receive_message(QueueUrl=queue(name), MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            aws("sqs").delete_message(QueueUrl=queue(name), ReceiptHandle=message["ReceiptHandle"])
            bodies.append(json.loads(message["Body"]))
    return bodies


def start(workflow, input):
    machines = aws("stepfunctions").list_state_machines()["stateMachines"]
    machine = next(machine["stateMachineArn"] for machine in machines if machine["name"] == workflow)
    return aws("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(input))["executionArn"]


def end(execution):
    """How an execution ends, at most two minutes from now, and the states that it went through."""
    for _ in range(1200):
        described = aws("stepfunctions").describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            break
        time.sleep(0.1)
    events = aws("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    states = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    ended = {key: described.get(key) for key in ["status", "error", "cause"]}
    output = json.loads(described["output"]) if described["status"] == "SUCCEEDED" else None
    return ended | {"output": output, "states": states}


def execute(workflow, input):
    return end(start(workflow, input))


def subscribe(topic, queue):
    """Has a queue receive what is published, as it is."""
    arn = next(one["TopicArn"] for one in aws("sns").list_topics()["Topics"] if one["TopicArn"].endswith(":" + topic))
    url = aws("sqs").create_queue(QueueName=queue)["QueueUrl"]
    endpoint = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("sns").subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=endpoint, Attributes={"RawMessageDelivery": "true"}
    )
    return arn


def approve(token, output):
    return aws("stepfunctions").send_task_success(taskToken=token, output=json.dumps(output))["ResponseMetadata"]["HTTPStatusCode"]


def reject(token, error, cause):
    reply = aws("stepfunctions").send_task_failure(taskToken=token, error=error, cause=cause)
    return reply["ResponseMetadata"]["HTTPStatusCode"]


def digest(bucket, key):
    """The length and the SHA-256 of an object."""
    body = aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return [len(body), hashlib.sha256(body).hexdigest()]


def digest_of(uri):
    """The same of what is behind a link."""
    body = urllib.request.urlopen(uri).read()
    return [len(body), hashlib.sha256(body).hexdigest()]


def create_lease_table(name):
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def put_lease(table, key, expires):
    item = {"pk": {"S": key}, "holder": {"S": "another caller"}, "expires": {"N": str(expires)}}
    aws("dynamodb").put_item(TableName=table, Item=item)


def hold_stream(table, key, until):
    values = {":holder": {"S": "another run"}, ":until": {"N": str(until)}}
    update = "SET holder = :holder, leaseUntil = :until"
    aws("dynamodb").update_item(TableName=table, Key={"pk": {"S": key}}, UpdateExpression=update, ExpressionAttributeValues=values)


def leases(table):
    items = aws("dynamodb").scan(TableName=table)["Items"]
    return {item["pk"]["S"]: {"holder": item["holder"]["S"], "expires": int(item["expires"]["N"])} for item in items}


def put_tenant(table, row):
    aws("dynamodb").put_item(TableName=table, Item={name: {"S": text} for name, text in row.items()})


def remove_tenant(table, tenant):
    aws("dynamodb").delete_item(TableName=table, Key={"pk": {"S": tenant}})


def rows(table):
    """The rows by their key, each with the values of its other fields."""
    items = aws("dynamodb").scan(TableName=table)["Items"]
    return {item.pop("pk")["S"]: {name: next(iter(value.values())) for name, value in item.items()} for item in items}


def tenants(table):
    return {key: row for key, row in rows(table).items() if not key.startswith("invitation#")}


def invitations(table):
    return {key: row for key, row in rows(table).items() if key.startswith("invitation#")}


def create_mac_key():
    key = aws("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return key["KeyMetadata"]["Arn"]


def mac(key, message):
    reply = aws("kms").generate_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=message.encode())
    return base64.urlsafe_b64encode(reply["Mac"]).decode().rstrip("=")


def create_bucket(name):
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": session.region_name})


def text(bucket, key):
    return aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def objects(bucket):
    """The keys of a bucket, with the length and the MD5 of each object."""
    found = aws("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {item["Key"]: {"bytes": item["Size"], "md5": item["ETag"].strip('"')} for item in found}


def files(bucket):
    """The gzip files of a bucket by their keys: how each is described, and its lines of JSON."""
    found = {}
    for key in objects(bucket):
        item = aws("s3").get_object(Bucket=bucket, Key=key)
        lines = gzip.decompress(item["Body"].read()).decode().splitlines()
        found[key] = {
            "type": item["ContentType"],
            "encoding": item.get("ContentEncoding"),
            "etag": item["ETag"],
            "lines": [json.loads(line) for line in lines],
        }
    return found


def row(table, key):
    """A row as DynamoDB writes it, with what is binary in Base64."""
    item = aws("dynamodb").get_item(TableName=table, Key={"pk": {"S": key}})["Item"]
    return {name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in item.items()}


def put_back(name, row):
    """Leaves a table with this row only."""
    for item in aws("dynamodb").scan(TableName=name)["Items"]:
        aws("dynamodb").delete_item(TableName=name, Key={"pk": item["pk"]})
    item = {field: {"B": base64.b64decode(value["B"])} if "B" in value else value for field, value in row.items()}
    aws("dynamodb").put_item(TableName=name, Item=item)


def create_queue(name):
    attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    return aws("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def create_bus(name, queue):
    """A bus all of whose events go to a queue."""
    url = create_queue(queue)
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("events").create_event_bus(Name=name)
    aws("events").put_rule(Name="all", EventBusName=name, EventPattern=json.dumps({"source": ["defender.xdr"]}))
    aws("events").put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])


def messages(name):
    """All messages of a queue, which are then gone, with what a FIFO queue knows them by."""
    found = []
    while batch := aws("sqs").receive_message(
        QueueUrl=queue(name), MaxNumberOfMessages=10, AttributeNames=["All"]
    ).get("Messages"):
        for message in batch:
            attributes = message["Attributes"]
            found.append(
                {
                    "body": json.loads(message["Body"]),
                    "group": attributes.get("MessageGroupId"),
                    "deduplication": attributes.get("MessageDeduplicationId"),
                }
            )
            aws("sqs").delete_message(QueueUrl=queue(name), ReceiptHandle=message["ReceiptHandle"])
    return found


def create_delivery_stream(name, bucket):
    destination = {"RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": f"arn:aws:s3:::{bucket}"}
    aws("firehose").create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination)


def uploads(bucket):
    """The keys of what is being uploaded in parts."""
    return [upload["Key"] for upload in aws("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


def is_presigned(link, secret):
    """Whether a link bears the signature that AWS's own library makes of it with this secret."""
    address, _, query = link.partition("?")
    pairs = urllib.parse.parse_qsl(query, strict_parsing=True)
    fields = dict(pairs)
    unsigned = urllib.parse.urlencode([pair for pair in pairs if pair[0] != "X-Amz-Signature"], quote_via=urllib.parse.quote)
    key, _, region, service, _ = fields["X-Amz-Credential"].split("/")
    request = AWSRequest(method="GET", url=f"{address}?{unsigned}")
    request.context["timestamp"] = fields["X-Amz-Date"]
    signer = S3SigV4QueryAuth(Credentials(key, secret), service, region)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return fields["X-Amz-Signature"] == expected


def record(action):
    """moto's recorder of requests: `start-recording`, or `download-recording` for what it saw."""
    recorder = urllib.request.Request(f"{origin}/moto-api/recorder/{action}", method="GET" if action.startswith("down") else "POST")
    return urllib.request.urlopen(recorder).read().decode()


def actions():
    """What each recorded request asked for, and its body."""
    recorded = [json.loads(line) for line in record("download-recording").splitlines()]
    headers = [{name.lower(): value for name, value in one["headers"].items()} for one in recorded]
    bodies = [json.loads(base64.b64decode(one["body"] or "")) for one in recorded]
    return [[one["x-amz-target"], body] for one, body in zip(headers, bodies)]


def signed_services(secret):
    """The service of each recorded request that bears the signature that AWS's own library makes of it with this secret."""
    services = []
    for line in record("download-recording").splitlines():
        recorded = json.loads(line)
        headers = {name.lower(): value for name, value in recorded["headers"].items()}
        scheme, _, fields = headers["authorization"].partition(" ")
        fields = dict(field.strip().split("=", 1) for field in fields.split(","))
        key, _, region, service, _ = fields["Credential"].split("/")
        request = AWSRequest(
            method=recorded["method"],
            url=recorded["url"],
            headers={name: headers[name] for name in fields["SignedHeaders"].split(";")},
            data=base64.b64decode(recorded["body"] or ""),
        )
        request.context["timestamp"] = headers["x-amz-date"]
        kind = S3SigV4Auth if service == "s3" else SigV4Auth
        signer = kind(Credentials(key, secret, headers.get("x-amz-security-token")), service, region)
        expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        if (scheme, fields["Signature"]) == ("AWS4-HMAC-SHA256", expected):
            services.append(service)
    return services


json.dump(globals()[what](**arguments), sys.stdout, default=str)
