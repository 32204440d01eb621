// A loop over Lambda's Runtime API by fetch, for a function that brings no runtime of AWS's.

import { handler } from "./function.mjs";

const invocations = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

async function post(path, body) {
  const response = await fetch(`${invocations}/${path}`, { method: "POST", body: JSON.stringify(body) });
  await response.arrayBuffer();
}

for (;;) {
  const next = await fetch(`${invocations}/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const event = await next.json();
  try {
    await post(`${id}/response`, await handler(event));
  } catch (error) {
    await post(`${id}/error`, {
      errorType: error.name,
      errorMessage: String(error.cause ?? error.message),
      stackTrace: String(error.stack).split("\n"),
    });
  }
}
