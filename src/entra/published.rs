//! What Entra publishes about a tenant, to anybody: its metadata and its keys.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>.

use http::{HeaderMap, Method};
use serde::{Deserialize, de::DeserializeOwned};

use super::{rejection::Rejection, want::Want};
use crate::{
    call::read_json,
    client::{Failure, Kind, Outgoing, Room, nothing_passes},
    error::Result,
    retry,
};

/// Both are tens of kilobytes at most.
const ROOM: Room = Room::of(1024 * 1024);

/// A tenant's metadata, as far as it is of use here.
#[derive(Deserialize)]
pub struct Metadata {
    pub issuer: String,
}

/// The metadata for tokens of a version: `/v2.0`, or nothing for the first.
pub async fn metadata(tenant: &str, version: &str, want: &Want<'_>) -> Result<Metadata> {
    get(
        &format!("{tenant}{version}/.well-known/openid-configuration"),
        want,
    )
    .await
}

/// The keys that sign tokens of a version.
pub async fn keys<T: DeserializeOwned + Send>(
    tenant: &str,
    version: &str,
    want: &Want<'_>,
) -> Result<T> {
    get(&format!("{tenant}/discovery{version}/keys"), want).await
}

async fn get<T: DeserializeOwned + Send>(path: &str, want: &Want<'_>) -> Result<T> {
    let mut url = want.config.authority.clone();
    url.set_path(path);
    let request = Outgoing {
        service: "entra",
        kind: Kind::Read,
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        tries: retry::TRIES,
        passing: nothing_passes,
        room: ROOM,
    };
    let outcome = want
        .client
        .send(&request, want.deadline, want.trace, |reply| {
            read_json(reply)
        })
        .await;
    outcome.map_err(|failure| match failure {
        Failure::Failed(error) | Failure::Lost(error) => error,
        Failure::Refused(reply) => Rejection::read(&reply).error,
    })
}
