//! Customers' tenants: moto keeps the registry and the key of the consent links, the simulator asks the administrators.

mod consent;
mod doubt;
mod registry;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::runtime_api::{Builder, Function};
use serde_json::{Value, json};
use simulator::{Decision, Simulator};

use crate::moto::Moto;

const TABLE: &str = "tenants";
const CLIENT_ID: &str = "5b1e7c52-8a0d-4c3e-9f6b-2d4a7e90c1b8";
const PINECREST: &str = "e94b7c13-60d2-4f8a-a5e7-3b1f8d2c9076";
const KITSUNE: &str = "7d15e0b4-2a98-4f37-b6c3-18e4f5a0d92c";
const REDIRECT: &str = "https://soc.brightwatch.example/consent";

/// A partner with a registry, a key, and customers to be won.
struct Partner {
    moto: Moto,
    simulator: Simulator,
    key: String,
}

impl Partner {
    fn start() -> Self {
        let moto = Moto::start();
        moto.ask("create_lease_table", &json!({ "name": TABLE }));
        let key = moto.ask("create_mac_key", &json!({}));
        Self {
            key: key.as_str().expect("an ARN").to_owned(),
            moto,
            simulator: Simulator::start(),
        }
    }

    fn builder(&self, operation: &str) -> Builder {
        Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
            .envs(self.simulator.environment())
            .envs(self.moto.environment("DYNAMODB"))
            .envs(self.moto.environment("KMS"))
            .env("TENANTS_TABLE", TABLE)
            .env("CONSENT_KEY_ID", self.key.as_str())
            .env("CONSENT_REDIRECT_URI", REDIRECT)
            .env("ALLOWED_TENANTS", "registry")
            .env("DEPLOYED_OPERATIONS", "list_incidents,run_hunting_query")
    }

    async fn run(&self, operation: &str, input: Value) -> Result<Value, Value> {
        invoke(
            &self.builder(operation).start().expect("bootstrap starts"),
            input,
        )
        .await
    }

    async fn link(&self, input: Value) -> String {
        let answer = self.run("onboard_tenant", input).await.unwrap();
        text(&answer["consentLink"])
    }

    /// What the administrator's browser brings back.
    async fn accept(&self, link: &str) -> Value {
        query(&self.simulator.decide(link, Decision::Accept).unwrap())
    }

    async fn complete(&self, back: Value) -> Result<Value, Value> {
        self.run("complete_consent", back).await
    }

    fn rows(&self) -> Value {
        self.moto.ask("tenants", &json!({ "table": TABLE }))
    }

    /// The rows of open links, by their key.
    fn invitations(&self) -> Value {
        self.moto.ask("invitations", &json!({ "table": TABLE }))
    }

    fn register(&self, tenant: &str, state: &str) {
        let row = json!({ "table": TABLE, "row": { "pk": tenant, "state": state } });
        self.moto.ask("put_tenant", &row);
    }

    /// What was asked of AWS since it is recorded.
    fn asked(&self) -> Vec<(String, Value)> {
        let actions = self.moto.ask("actions", &json!({}));
        serde_json::from_value(actions).expect("pairs")
    }

    /// A `state` that the key made, saying anything.
    fn state(&self, invitation: &Value) -> String {
        let invitation = BASE64_URL_SAFE_NO_PAD.encode(invitation.to_string());
        let message = format!("defender-functions consent state 1\n{invitation}");
        let mac = self
            .moto
            .ask("mac", &json!({ "key": self.key, "message": message }));
        format!("{invitation}.{}", text(&mac))
    }
}

async fn invoke(function: &Function, input: Value) -> Result<Value, Value> {
    let outcome = function.invoke(input.to_string()).await;
    match outcome.error() {
        None => Ok(outcome.json()),
        Some(_) => Err(outcome.problem()),
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// What a gateway sends when a browser comes back to that address.
fn visit(back: &str) -> Value {
    let (_, raw) = back.split_once('?').expect("a query");
    json!({
        "version": "2.0", "rawPath": "/consent", "rawQueryString": raw, "headers": {},
        "requestContext": { "domainName": "d.execute-api.eu-west-1.amazonaws.com", "timeEpoch": 0, "http": { "method": "GET", "path": "/consent" } },
        "isBase64Encoded": false,
    })
}

/// The query of a URL as an input.
fn query(url: &str) -> Value {
    let url = reqwest::Url::parse(url).expect("a URL");
    let pairs = url.query_pairs();
    pairs
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect()
}
