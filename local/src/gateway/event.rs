//! A request as the event of an HTTP API, payload format 2.0.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::prelude::{BASE64_STANDARD, Engine};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Version};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use uuid::Uuid;

use super::route::Route;

/// The event for a request that this route takes. Paths are decoded, as an HTTP API does; the raw query is not.
pub(super) fn http_api(
    head: &Parts,
    body: &[u8],
    caller: SocketAddr,
    route: &Route,
    parameters: &[(&str, String)],
) -> Value {
    let now = Timestamp::now();
    let path = percent_decode_str(head.uri.path()).decode_utf8_lossy();
    let query = head.uri.query().unwrap_or_default();
    let route_key = format!("{} {}", route.method, route.path);
    let host = head.headers.get("host").map_or("localhost".into(), |host| {
        String::from_utf8_lossy(host.as_bytes())
    });
    let domain = host.rsplit_once(':').map_or(&*host, |(domain, _)| domain);

    let mut headers = joined(
        head.headers
            .iter()
            .map(|(name, value)| (name.as_str(), text(value.as_bytes()))),
    );
    headers.remove("cookie");
    headers.insert("x-forwarded-for".into(), caller.ip().to_string());
    headers.insert("x-forwarded-proto".into(), "http".into());
    headers
        .entry("content-length".into())
        .or_insert_with(|| body.len().to_string());
    let user_agent = headers.get("user-agent").cloned().unwrap_or_default();

    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": if head.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
                "sourceIp": caller.ip().to_string(),
                "userAgent": user_agent,
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(joined(form_urlencoded::parse(query.as_bytes())));
    }
    if !parameters.is_empty() {
        event["pathParameters"] = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body);
        event["isBase64Encoded"] = json!(text.is_err());
        event["body"] =
            text.map_or_else(|_| json!(BASE64_STANDARD.encode(body)), |text| json!(text));
    }
    event
}

/// Pairs as an object: the values of a repeated name are joined by commas.
fn joined(
    pairs: impl Iterator<Item = (impl Into<String>, impl Into<String>)>,
) -> BTreeMap<String, String> {
    let mut object = BTreeMap::<String, String>::new();
    for (name, value) in pairs {
        let value = value.into();
        object
            .entry(name.into())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    object
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers
        .get_all("cookie")
        .iter()
        .map(|line| text(line.as_bytes()));
    lines
        .flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
