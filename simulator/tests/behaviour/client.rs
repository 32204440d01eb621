//! A client with the first tenant's credentials.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use simulator::Simulator;

pub const HARBOURLINE: &str = "harbourline.example";
pub const BRIGHTWATCH: &str = "5b1e7c52-8a0d-4c3e-9f6b-2d4a7e90c1b8";
pub const SECRET: &str = "bright~watch.S0C+first/&=%simulated";
pub const GRAPH: &str = "https://graph.microsoft.com";
pub const ENDPOINT: &str = "https://api.securitycenter.microsoft.com";
pub const XDR: &str = "https://api.security.microsoft.com";

pub fn http() -> Client {
    // Fails when another test has installed it already.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A JWT's claims, its signature unseen.
pub fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A call's status and body; a body that is no JSON is a JSON string.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

/// The form of a client-credentials call on the v2 endpoint.
pub fn form(resource: &str) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "client_credentials".into()),
        ("client_id", BRIGHTWATCH.into()),
        ("client_secret", SECRET.into()),
        ("scope", format!("{resource}/.default")),
    ]
}

pub async fn post_form(sim: &Simulator, path: &str, form: &[(&str, String)]) -> (u16, Value) {
    read(
        http()
            .post(format!("{}{path}", sim.origin()))
            .form(form)
            .send()
            .await
            .unwrap(),
    )
    .await
}

pub async fn token(sim: &Simulator, tenant: &str, resource: &str) -> String {
    let (status, body) = post_form(
        sim,
        &format!("/{tenant}/oauth2/v2.0/token"),
        &form(resource),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// The form with a client assertion in place of the secret.
pub fn assertion_form(resource: &str, assertion: &str) -> Vec<(&'static str, String)> {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let mut fields = form(resource);
    fields.retain(|(name, _)| *name != "client_secret");
    fields.push(("client_assertion_type", kind.into()));
    fields.push(("client_assertion", assertion.into()));
    fields
}

/// The AADSTS number of a refusal, 0 for an answer without one.
pub fn number(body: &Value) -> u64 {
    body["error_codes"][0].as_u64().unwrap_or_default()
}

/// The machine's now in Unix seconds.
pub fn machine_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A simulator with a token for one of its APIs.
pub struct Api {
    pub sim: Simulator,
    pub token: String,
    client: Client,
}

impl Api {
    pub async fn graph() -> Api {
        Api::of(GRAPH).await
    }

    pub async fn xdr() -> Api {
        Api::of(XDR).await
    }

    pub async fn endpoint() -> Api {
        Api::of(ENDPOINT).await
    }

    /// The same simulator with a token that has the roles of now.
    pub async fn renewed(mut self, resource: &str) -> Api {
        self.token = token(&self.sim, HARBOURLINE, resource).await;
        self
    }

    async fn of(resource: &str) -> Api {
        let sim = Simulator::start();
        let token = token(&sim, HARBOURLINE, resource).await;
        Api {
            sim,
            token,
            client: http(),
        }
    }

    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.sim.origin()))
            .bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        read(
            self.call(Method::GET, path)
                .query(query)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        read(self.call(method, path).json(&body).send().await.unwrap()).await
    }

    pub async fn ids(&self, path: &str, query: &[(&str, &str)]) -> Vec<String> {
        let (status, body) = self.get(path, query).await;
        assert_eq!(status, 200, "{body}");
        ids(&body)
    }
}

pub fn ids(page: &Value) -> Vec<String> {
    page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}
