//! A tenant's GUID, found by a domain of its.

use http::{HeaderMap, Method};
use reqwest::Url;
use serde::Deserialize;

use crate::{
    call::{Call, read_json},
    client::{Failure, Kind, Outgoing, Room, nothing_passes},
    config::{Tenant, is_guid},
    error::{Error, Result},
    retry,
};

const ROOM: Room = Room {
    bytes: 64 * 1024,
    escaped: false,
};

/// The tenant by its GUID. A domain is looked up in what Entra publishes about its tenant.
///
/// <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>
pub async fn by_guid(call: &Call<'_>, tenant: Tenant) -> Result<Tenant> {
    match is_guid(tenant.as_str()) {
        true => Ok(tenant),
        false => look_up(call, &tenant).await,
    }
}

async fn look_up(call: &Call<'_>, domain: &Tenant) -> Result<Tenant> {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
    }
    let mut url = call.app.config.authority.clone();
    let domain = domain.as_str();
    url.set_path(&format!("{domain}/v2.0/.well-known/openid-configuration"));
    let request = Outgoing {
        service: "entra",
        kind: Kind::Read,
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Vec::new(),
        tries: retry::TRIES,
        passing: nothing_passes,
        room: ROOM,
    };
    let (client, deadline) = (&call.app.client, call.invocation.deadline);
    let read = |reply: &_| {
        let discovery: Discovery = read_json(reply)?;
        guid_in(&discovery.issuer).ok_or_else(|| "names no tenant".to_owned())
    };
    match client.send(&request, deadline, &call.trace, read).await {
        Ok(tenant) => Ok(tenant),
        Err(Failure::Refused(reply)) => {
            let reason = format!(
                "Entra knows no tenant in this cloud with the domain {domain} (it answered {})",
                reply.status.as_u16()
            );
            Err(Error::field("tenantId", reason))
        }
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

/// `https://login.microsoftonline.com/<GUID>/v2.0`
fn guid_in(issuer: &str) -> Option<Tenant> {
    let issuer = Url::parse(issuer).ok()?;
    let mut parts = issuer.path_segments()?;
    parts.find(|part| is_guid(part)).and_then(Tenant::parse)
}
