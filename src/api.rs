//! The upstream APIs: where each one is, which audience its tokens carry, and how it spells an error.

use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Upstream;

/// The API that serves an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub enum Api {
    /// Microsoft Graph v1.0, <https://learn.microsoft.com/graph/api/resources/security-api-overview>.
    Graph,
    /// The Defender XDR API, <https://learn.microsoft.com/defender-xdr/api-supported>.
    Xdr,
    /// The Defender for Endpoint API, <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>: 100 calls a minute
    /// and 1,500 an hour, where an operation does not say otherwise.
    Endpoint,
}

impl Api {
    /// The name in logs and problem documents.
    pub fn name(self) -> &'static str {
        match self {
            Api::Graph => "graph",
            Api::Xdr => "xdr",
            Api::Endpoint => "endpoint",
        }
    }

    /// The name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Api::Graph => "Microsoft Graph",
            Api::Xdr => "the Defender XDR API",
            Api::Endpoint => "the Defender for Endpoint API",
        }
    }

    /// The name at the beginning of a sentence.
    pub fn subject(self) -> &'static str {
        match self {
            Api::Graph => "Microsoft Graph",
            Api::Xdr => "The Defender XDR API",
            Api::Endpoint => "The Defender for Endpoint API",
        }
    }

    /// The id of the API's own app, which is the audience of version 2.0 tokens.
    fn app_id(self) -> &'static str {
        match self {
            Api::Graph => "00000003-0000-0000-c000-000000000000",
            Api::Xdr => "8ee8fdad-f234-4243-8f3b-15c294843740",
            Api::Endpoint => "fc780465-2017-40d4-a0c5-307022471b92",
        }
    }

    /// Whether a token with that audience is the API's, where one was asked for by the name `requested`.
    pub fn is_audience(self, audience: &str, requested: &str) -> bool {
        let bare = audience.trim_end_matches('/');
        bare == requested.trim_end_matches('/') || bare == self.app_id()
    }

    /// What comes between the base URL and an operation's own path.
    pub fn prefix(self) -> &'static str {
        match self {
            Api::Graph => "/v1.0/security",
            Api::Xdr | Api::Endpoint => "/api",
        }
    }
}

impl Serialize for Api {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A Microsoft cloud: tokens of one are worth nothing in another.
#[derive(Debug)]
pub struct Cloud {
    /// As `DEFENDER_CLOUD` spells it.
    pub name: &'static str,
    pub login: &'static str,
    /// The audience that the cloud's Entra expects in another issuer's tokens,
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>.
    pub federation: &'static str,
    /// None where Microsoft offers no Defender.
    apis: Option<Apis>,
}

/// Where a cloud's APIs are. The audience, for which an API's tokens are issued, goes with the cloud and not with the host.
#[derive(Debug)]
struct Apis {
    graph: &'static str,
    xdr: &'static str,
    endpoint: &'static str,
    /// The name of the Endpoint API in tokens, which is not always that of its host.
    endpoint_audience: &'static str,
}

/// The clouds; the first is the default.
///
/// <https://learn.microsoft.com/defender-xdr/usgov>, <https://learn.microsoft.com/defender-endpoint/gov>,
/// <https://learn.microsoft.com/graph/deployments>, <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
pub static CLOUDS: [Cloud; 5] = [
    Cloud {
        name: "global",
        login: "login.microsoftonline.com",
        federation: "api://AzureADTokenExchange",
        apis: Some(Apis {
            graph: "graph.microsoft.com",
            xdr: "api.security.microsoft.com",
            endpoint: "api.security.microsoft.com",
            endpoint_audience: "api.securitycenter.microsoft.com",
        }),
    },
    Cloud {
        name: "gcc",
        login: "login.microsoftonline.com",
        federation: "api://AzureADTokenExchange",
        apis: Some(Apis {
            graph: "graph.microsoft.com",
            xdr: "api-gcc.security.microsoft.us",
            endpoint: "api-gcc.securitycenter.microsoft.us",
            endpoint_audience: "api-gcc.securitycenter.microsoft.us",
        }),
    },
    Cloud {
        name: "gcc-high",
        login: "login.microsoftonline.us",
        federation: "api://AzureADTokenExchangeUSGov",
        apis: Some(Apis {
            graph: "graph.microsoft.us",
            xdr: "api-gov.security.microsoft.us",
            endpoint: "api-gov.securitycenter.microsoft.us",
            endpoint_audience: "api-gov.securitycenter.microsoft.us",
        }),
    },
    Cloud {
        name: "dod",
        login: "login.microsoftonline.us",
        federation: "api://AzureADTokenExchangeUSGov",
        apis: Some(Apis {
            graph: "dod-graph.microsoft.us",
            xdr: "api-gov.security.microsoft.us",
            endpoint: "api-gov.securitycenter.microsoft.us",
            endpoint_audience: "api-gov.securitycenter.microsoft.us",
        }),
    },
    // Graph is at microsoftgraph.chinacloudapi.cn, but without incidents, alerts and hunting.
    Cloud {
        name: "china",
        login: "login.partner.microsoftonline.cn",
        federation: "api://AzureADTokenExchangeChina",
        apis: None,
    },
];

impl Cloud {
    /// The host of an API; none where the cloud lacks it.
    pub fn host(&self, api: Api) -> Option<&'static str> {
        let apis = self.apis.as_ref()?;
        Some(match api {
            Api::Graph => apis.graph,
            Api::Xdr => apis.xdr,
            Api::Endpoint => apis.endpoint,
        })
    }

    /// The host whose name tokens are issued for, by default.
    pub fn audience(&self, api: Api) -> Option<&'static str> {
        match api {
            Api::Endpoint => self.apis.as_ref().map(|apis| apis.endpoint_audience),
            api => self.host(api),
        }
    }
}

/// The id that the service gave the request: Graph's, the Defender API's, AWS's.
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    let known = ["request-id", "x-ms-request-id", "x-amzn-requestid"]
        .iter()
        .find_map(|name| headers.get(*name))?;
    Some(known.to_str().ok()?.to_owned())
}

/// An error as Microsoft's APIs spell it.
#[derive(Debug, Default, Deserialize)]
pub struct ApiError {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub code: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub message: String,
    #[serde(default)]
    target: Option<String>,
    #[serde(default, alias = "innererror", rename = "innerError")]
    inner: Option<Box<InnerError>>,
}

/// Graph nests the more specific codes and its ids, at any depth: <https://learn.microsoft.com/graph/errors>.
#[derive(Debug, Default, Deserialize)]
struct InnerError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default, rename = "request-id")]
    request_id: Option<String>,
    #[serde(default, alias = "innererror", rename = "innerError")]
    inner: Option<Box<InnerError>>,
}

impl InnerError {
    /// The most specific code.
    fn code(&self) -> Option<&str> {
        self.inner
            .as_ref()
            .and_then(|inner| inner.code())
            .or(self.code.as_deref())
            .filter(|code| !code.is_empty())
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ApiError {
    /// Reads an error body; one that is not JSON, or not of this shape, leaves the fields empty.
    pub fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            error: ApiError,
        }
        serde_json::from_slice(body)
            .map_or_else(|_| Self::default(), |envelope: Envelope| envelope.error)
    }

    /// Who said it, for the problem document.
    pub fn upstream(&self, service: &'static str, status: u16, headers: &HeaderMap) -> Upstream {
        let inner = self.inner.as_ref();
        let code = inner
            .and_then(|inner| inner.code())
            .unwrap_or(&self.code)
            .to_owned();
        Upstream {
            service,
            status: Some(status),
            code: Some(code).filter(|code| !code.is_empty()),
            request_id: inner
                .and_then(|inner| inner.request_id.clone())
                .or_else(|| self.target.clone())
                .or_else(|| request_id(headers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_graphs_inner_error_are_read() {
        for key in ["innerError", "innererror"] {
            let body = format!(
                r#"{{"error":{{"code":"Forbidden","message":"no","{key}":{{"request-id":"r-1"}}}}}}"#
            );
            let upstream =
                ApiError::read(body.as_bytes()).upstream("graph", 403, &HeaderMap::new());
            assert_eq!(upstream.request_id.as_deref(), Some("r-1"));
            assert_eq!(upstream.code.as_deref(), Some("Forbidden"));
        }
    }

    #[test]
    fn the_most_specific_code_is_taken_and_nulls_are_nothing() {
        let body = br#"{"error":{"code":"A","message":null,"innerError":{"code":"B","innererror":{"code":"C"}}}}"#;
        let error = ApiError::read(body);
        assert_eq!(
            error
                .upstream("graph", 400, &HeaderMap::new())
                .code
                .as_deref(),
            Some("C")
        );
        assert_eq!((error.code.as_str(), error.message.as_str()), ("A", ""));
    }

    #[test]
    fn the_target_of_a_defender_error_is_its_request_id() {
        let body = br#"{"error":{"code":"ResourceNotFound","message":"gone","target":"t-1"}}"#;
        let upstream = ApiError::read(body).upstream("xdr", 404, &HeaderMap::new());
        assert_eq!(upstream.request_id.as_deref(), Some("t-1"));
    }

    #[test]
    fn a_body_that_is_no_error_document_leaves_the_status_to_speak() {
        let upstream = ApiError::read(b"<html>").upstream("xdr", 502, &HeaderMap::new());
        assert_eq!(
            upstream,
            Upstream {
                service: "xdr",
                status: Some(502),
                ..Upstream::default()
            }
        );
    }
}
