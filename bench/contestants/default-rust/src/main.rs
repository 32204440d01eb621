//! The function as most would write it in Rust: answers read into `serde_json::Value`, one client, tokens kept.

use std::{
    collections::HashMap,
    env,
    sync::Mutex,
    time::{Duration, Instant},
};

use lambda_runtime::{Error, LambdaEvent, service_fn, tracing};
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let function = Function {
        client: Client::new(),
        handler: env::var("_HANDLER")?,
        tokens: Mutex::default(),
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        function.handle(event.payload)
    }))
    .await
}

struct Function {
    client: Client,
    handler: String,
    /// By tenant, with the time until which they are used.
    tokens: Mutex<HashMap<String, (String, Instant)>>,
}

impl Function {
    async fn handle(&self, event: Value) -> Result<Value, Error> {
        match self.handler.as_str() {
            "list_incidents" => self.list_incidents(&event).await,
            "run_hunting_query" => {
                let url = format!(
                    "{}/v1.0/security/runHuntingQuery",
                    env::var("GRAPH_ENDPOINT")?
                );
                let token = self.token(&event, "https://graph.microsoft.com").await?;
                let query = json!({ "Query": event["query"] });
                self.post(&url, &token, &query).await
            }
            "isolate_device" => {
                let device = event["deviceId"].as_str().ok_or("deviceId is missing")?;
                let url = format!(
                    "{}/api/machines/{device}/isolate",
                    env::var("DEFENDER_ENDPOINT")?
                );
                let token = self
                    .token(&event, "https://api.securitycenter.microsoft.com")
                    .await?;
                let kind = event["isolationType"].as_str().unwrap_or("Full");
                let action = json!({ "Comment": event["comment"], "IsolationType": kind });
                self.post(&url, &token, &action).await
            }
            other => Err(format!("no function is called {other}").into()),
        }
    }

    async fn list_incidents(&self, event: &Value) -> Result<Value, Error> {
        let token = self.token(event, "https://graph.microsoft.com").await?;
        let top = event["top"].as_u64().unwrap_or(50) as usize;
        let endpoint = env::var("GRAPH_ENDPOINT")?;
        let mut next = Some(format!(
            "{endpoint}/v1.0/security/incidents?$top={}",
            top.min(50)
        ));
        let mut incidents = Vec::new();
        while let Some(url) = next.filter(|_| incidents.len() < top) {
            let response = self.client.get(url).bearer_auth(&token).send().await?;
            let mut page: Value = response.error_for_status()?.json().await?;
            let Value::Array(value) = page["value"].take() else {
                return Err("a page without a value".into());
            };
            incidents.extend(value);
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        incidents.truncate(top);
        Ok(json!({ "value": incidents }))
    }

    async fn post(&self, url: &str, token: &str, body: &Value) -> Result<Value, Error> {
        let response = self
            .client
            .post(url)
            .bearer_auth(token)
            .json(body)
            .send()
            .await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn token(&self, event: &Value, audience: &str) -> Result<String, Error> {
        let tenant = match event["tenantId"].as_str() {
            Some(tenant) => tenant.to_owned(),
            None => env::var("AZURE_TENANT_ID")?,
        };
        let known = self.tokens.lock().unwrap().get(&tenant).cloned();
        if let Some((token, _)) = known.filter(|(_, until)| Instant::now() < *until) {
            return Ok(token);
        }
        let url = format!(
            "{}/{tenant}/oauth2/v2.0/token",
            env::var("AZURE_AUTHORITY_HOST")?
        );
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &env::var("AZURE_CLIENT_ID")?),
            ("client_secret", &env::var("AZURE_CLIENT_SECRET")?),
            ("scope", &format!("{audience}/.default")),
        ];
        let response = self.client.post(url).form(&form).send().await?;
        let grant: Value = response.error_for_status()?.json().await?;
        let token = grant["access_token"]
            .as_str()
            .ok_or("no access_token")?
            .to_owned();
        let life = grant["expires_in"]
            .as_u64()
            .unwrap_or(3600)
            .saturating_sub(60);
        let until = Instant::now() + Duration::from_secs(life);
        self.tokens
            .lock()
            .unwrap()
            .insert(tenant, (token.clone(), until));
        Ok(token)
    }
}
