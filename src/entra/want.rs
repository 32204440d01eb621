//! A token request, and its answer.

use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer};

use super::{credential::Proof, rejection::Rejection, token::Token};
use crate::{
    client::{Client, Failure, Kind, Outgoing, Reply, Room},
    config::{Config, Tenant, TokenEndpoint},
    error::Error,
    odata, retry,
    telemetry::Trace,
    time::{Deadline, Timestamp},
};

/// Tokens are a few kilobytes.
const ROOM: Room = Room::of(256 * 1024);

/// Why there is no token.
pub(super) enum Refusal {
    /// The secret or certificate is wrong or has expired; another may do.
    Credential(Rejection),
    Otherwise(Error),
}

/// Which token is wanted, and what fetching it may take.
#[derive(Clone, Copy)]
pub struct Want<'a> {
    pub config: &'a Config,
    pub client: &'a Client,
    pub tenant: &'a Tenant,
    pub audience: &'a str,
    /// The API that will be asked with it, to which a connection is made meanwhile.
    pub api: Option<&'a Url>,
    /// What a challenge asks the token to say, as JSON.
    pub claims: Option<&'a str>,
    pub deadline: Deadline,
    pub trace: &'a Trace,
}

impl Want<'_> {
    /// Asks Entra with one proof.
    pub(super) async fn token(&self, proof: &Proof) -> std::result::Result<Token, Refusal> {
        let request = self.request(proof);
        self.trace.fetches_token();
        let read = |reply: &Reply| {
            let grant = serde_json::from_slice(&reply.body)
                .map_err(|_| "is not the documented JSON".to_owned())?;
            Token::new(grant, self.claims, Timestamp::now())
                .ok_or_else(|| "holds no usable token".to_owned())
        };
        let outcome = self
            .client
            .send(&request, self.deadline, self.trace, read)
            .await;
        outcome.map_err(|failure| match failure {
            Failure::Refused(reply) => {
                let rejection = Rejection::read(&reply);
                match rejection.is_of_credential() {
                    true => Refusal::Credential(rejection),
                    false => Refusal::Otherwise(rejection.error),
                }
            }
            Failure::Failed(error) | Failure::Lost(error) => Refusal::Otherwise(error),
        })
    }

    /// The token endpoint of the tenant.
    pub fn url(&self) -> Url {
        let path = match self.config.token_endpoint {
            TokenEndpoint::V1 => "oauth2/token",
            TokenEndpoint::V2 => "oauth2/v2.0/token",
        };
        let mut url = self.config.authority.clone();
        url.set_path(&format!("{}/{path}", self.tenant.as_str()));
        url
    }

    /// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
    fn request(&self, proof: &Proof) -> Outgoing {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.config.client_id),
        ];
        match proof {
            Proof::Secret(secret) => form.push(("client_secret", secret.expose_secret())),
            Proof::Assertion(token) => form.extend([
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", token.expose_secret()),
            ]),
        }
        let scope = format!("{}/.default", self.audience);
        form.push(match self.config.token_endpoint {
            TokenEndpoint::V1 => ("resource", self.audience),
            TokenEndpoint::V2 => ("scope", &scope),
        });
        form.extend(self.claims.map(|claims| ("claims", claims)));
        let form_encoded = HeaderValue::from_static("application/x-www-form-urlencoded");
        Outgoing {
            service: "entra",
            kind: Kind::Read,
            method: Method::POST,
            url: self.url(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, form_encoded)]),
            body: odata::form(&form).into_bytes().into(),
            tries: retry::TRIES,
            passing: Rejection::passing,
            room: ROOM,
        }
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A granted token; never shown.
#[derive(Deserialize)]
pub(super) struct Grant {
    pub access_token: String,
    #[serde(deserialize_with = "number_or_text")]
    pub expires_in: u64,
}

/// The v1 endpoint writes numbers as strings.
fn number_or_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
