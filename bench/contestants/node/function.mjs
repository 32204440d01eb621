// The function as a careful user would write it for Node: fetch, tokens kept, the AWS SDK where AWS is asked.

const tokens = new Map();

async function proof() {
  if (process.env.AZURE_CREDENTIAL === "aws") {
    const { STSClient, GetWebIdentityTokenCommand } = await import("@aws-sdk/client-sts");
    const vouched = await new STSClient({}).send(
      new GetWebIdentityTokenCommand({
        Audience: ["api://AzureADTokenExchange"],
        SigningAlgorithm: "RS256",
        DurationSeconds: 300,
      }),
    );
    return {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: vouched.WebIdentityToken,
    };
  }
  if (process.env.AZURE_CLIENT_SECRET) {
    return { client_secret: process.env.AZURE_CLIENT_SECRET };
  }
  const { SecretsManagerClient, GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
  const kept = await new SecretsManagerClient({}).send(
    new GetSecretValueCommand({ SecretId: process.env.AZURE_CLIENT_SECRET_ID }),
  );
  return { client_secret: kept.SecretString };
}

async function call(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) {
    throw new Error(`${response.status} from ${url}: ${await response.text()}`);
  }
  return response.json();
}

async function token(event, audience) {
  const tenant = event.tenantId ?? process.env.AZURE_TENANT_ID;
  const known = tokens.get(tenant);
  if (known && Date.now() < known.until) {
    return known.bearer;
  }
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: process.env.AZURE_CLIENT_ID,
    scope: `${audience}/.default`,
    ...(await proof()),
  });
  const url = `${process.env.AZURE_AUTHORITY_HOST}/${tenant}/oauth2/v2.0/token`;
  const grant = await call(url, { method: "POST", body: form });
  tokens.set(tenant, { bearer: grant.access_token, until: Date.now() + (grant.expires_in - 60) * 1000 });
  return grant.access_token;
}

function post(url, bearer, body) {
  return call(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

const operations = {
  async list_incidents(event) {
    const bearer = await token(event, "https://graph.microsoft.com");
    const top = event.top ?? 50;
    let url = `${process.env.GRAPH_ENDPOINT}/v1.0/security/incidents?$top=${Math.min(top, 50)}`;
    const incidents = [];
    while (url && incidents.length < top) {
      const page = await call(url, { headers: { Authorization: `Bearer ${bearer}` } });
      incidents.push(...page.value);
      url = page["@odata.nextLink"];
    }
    return { value: incidents.slice(0, top) };
  },

  async run_hunting_query(event) {
    const bearer = await token(event, "https://graph.microsoft.com");
    return post(`${process.env.GRAPH_ENDPOINT}/v1.0/security/runHuntingQuery`, bearer, { Query: event.query });
  },

  async isolate_device(event) {
    const bearer = await token(event, "https://api.securitycenter.microsoft.com");
    const url = `${process.env.DEFENDER_ENDPOINT}/api/machines/${event.deviceId}/isolate`;
    return post(url, bearer, { Comment: event.comment, IsolationType: event.isolationType ?? "Full" });
  },
};

export async function handler(event) {
  return operations[process.env._HANDLER](event);
}
