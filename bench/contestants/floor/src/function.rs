//! The operations: a list over its pages, a hunt and an isolation, by as few requests as they take.

use std::{error::Error, sync::Arc};

use rustls::ClientConfig;

use crate::{
    connection::{Head, Host},
    json,
    runtime_api::RuntimeApi,
    token::Tokens,
    variable,
};

/// The most incidents that Graph gives on a page.
const PAGE: u64 = 50;

pub struct Function {
    operation: Operation,
    tenant: String,
    tls: Arc<ClientConfig>,
    tokens: Tokens,
    api: Host,
    /// The host whose name tokens are issued for.
    audience: &'static str,
    streams: bool,
}

enum Operation {
    List,
    Hunt,
    Isolate,
}

impl Function {
    pub fn from_environment() -> Result<Self, Box<dyn Error>> {
        let tls = crate::connection::tls()?;
        let operation = match variable("_HANDLER")?.as_str() {
            "list_incidents" => Operation::List,
            "run_hunting_query" => Operation::Hunt,
            "isolate_device" => Operation::Isolate,
            other => return Err(format!("the floor knows no {other}").into()),
        };
        let (endpoint, audience) = match operation {
            Operation::Isolate => ("DEFENDER_ENDPOINT", "api.securitycenter.microsoft.com"),
            Operation::List | Operation::Hunt => ("GRAPH_ENDPOINT", "graph.microsoft.com"),
        };
        Ok(Self {
            operation,
            tenant: variable("AZURE_TENANT_ID")?,
            tokens: Tokens::from_environment(&tls)?,
            api: Host::of(&variable(endpoint)?, &tls)?,
            tls,
            audience,
            streams: variable("RESPONSE_STREAMING").is_ok_and(|value| value == "on"),
        })
    }

    /// Does what the event asks for and answers it.
    pub fn answer(&mut self, event: &[u8], to: &mut RuntimeApi) -> Result<(), Box<dyn Error>> {
        let event = std::str::from_utf8(event)?;
        let tenant = json::text(event, "tenantId").unwrap_or(&self.tenant);
        let token = self.tokens.get(tenant, self.audience, &self.tls)?;
        let api = &mut self.api;
        let field = |name| json::text(event, name);
        let head = match self.operation {
            Operation::List => {
                let top = json::number(event, "top").unwrap_or(PAGE);
                let path = format!("/v1.0/security/incidents?$top={}", top.min(PAGE));
                if top > PAGE {
                    return Ok(to.respond(&pages(api, token, path, top)?)?);
                }
                get(api, token, &path)?
            }
            Operation::Hunt => {
                let query = field("query").ok_or("a hunt without a query")?;
                let body = format!(r#"{{"Query":"{query}"}}"#);
                post(api, token, "/v1.0/security/runHuntingQuery", &body)?
            }
            Operation::Isolate => {
                let device = field("deviceId").ok_or("an isolation without a device")?;
                let comment = field("comment").unwrap_or_default();
                let kind = field("isolationType").unwrap_or("Full");
                let body = format!(r#"{{"Comment":"{comment}","IsolationType":"{kind}"}}"#);
                post(
                    api,
                    token,
                    &format!("/api/machines/{device}/isolate"),
                    &body,
                )?
            }
        };
        if !(200..300).contains(&head.status) {
            api.read(&head, &mut Vec::new())?;
        }
        Ok(to.pass(api, &head, self.streams)?)
    }
}

/// The items of as many pages as it takes, in one object.
fn pages(api: &mut Host, token: &str, first: String, top: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut answer = br#"{"value":["#.to_vec();
    let mut next = Some(first);
    for number in 0..top.div_ceil(PAGE) {
        let Some(path) = next else { break };
        if number > 0 {
            answer.push(b',');
        }
        let begin = answer.len();
        let head = get(api, token, &path)?;
        api.read(&head, &mut answer)?;
        let (start, end, link) = json::page(&answer[begin..]).ok_or("a page without a value")?;
        answer.truncate(begin + end);
        answer.drain(begin..begin + start);
        next = link;
    }
    answer.extend_from_slice(b"]}");
    Ok(answer)
}

fn get(api: &mut Host, token: &str, path: &str) -> std::io::Result<Head> {
    let host = &api.authority;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    api.ask(request.as_bytes())
}

fn post(api: &mut Host, token: &str, path: &str, body: &str) -> std::io::Result<Head> {
    let (host, length) = (&api.authority, body.len());
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    api.ask(request.as_bytes())
}
