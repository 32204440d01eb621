//! Who calls an API: the bearer token's checks, in each API's own words of refusal.

use crate::entra::Resource;
use crate::entra::key::SigningKey;
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time::SECOND;

/// Why a call is not let in.
pub(crate) enum Denied {
    /// 401, with the reason.
    Unauthorized(&'static str),
    /// 403: the token has none of the roles that would do.
    MissingRoles(String),
}

/// The caller of an operation that any one of `sufficient` roles permits.
pub(crate) struct Caller {
    pub tenant: usize,
    /// The application's display name.
    pub app: String,
    pub client_id: String,
    pub roles: Vec<String>,
}

pub(crate) fn admit(
    state: &State,
    request: &Request,
    resource: Resource,
    sufficient: &[&str],
) -> Result<Caller, Denied> {
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = token
        .filter(|token| !token.trim().is_empty())
        .ok_or(Denied::Unauthorized("Access token is empty."))?;
    let claims = state.key.verify(token.trim()).ok_or(Denied::Unauthorized(
        "Access token validation failure. Invalid signature.",
    ))?;
    if claims.exp * SECOND <= state.clock.now() {
        return Err(Denied::Unauthorized(
            "Lifetime validation failed, the token is expired.",
        ));
    }
    if claims.aud != resource.audience() && claims.aud != resource.app_id() {
        return Err(Denied::Unauthorized(
            "Access token validation failure. Invalid audience.",
        ));
    }
    let tenant = state
        .tenants
        .iter()
        .position(|tenant| tenant.is(&claims.tid));
    let tenant = tenant.ok_or(Denied::Unauthorized(
        "Access token validation failure. Unknown tenant.",
    ))?;
    if state.tenants[tenant].revoked.contains(&claims.uti) {
        return Err(Denied::Unauthorized("The token was revoked."));
    }
    if !claims
        .roles
        .iter()
        .any(|role| sufficient.contains(&role.as_str()))
    {
        return Err(Denied::MissingRoles(format!(
            "Missing application roles. API required roles: {}, application roles: {}.",
            sufficient.join(","),
            claims.roles.join(",")
        )));
    }
    let app = state.tenants[tenant]
        .apps
        .iter()
        .find(|app| app.client_id == claims.client_id());
    let client_id = claims.client_id().to_owned();
    Ok(Caller {
        tenant,
        app: app.map_or_else(|| client_id.clone(), |app| app.display_name.clone()),
        client_id,
        roles: claims.roles,
    })
}

/// Whether the request's tenant goes by this id or domain: its token's, or its path's at Entra. Nothing is verified.
pub(crate) fn concerns_tenant(
    tenants: &[Tenant],
    key: &SigningKey,
    request: &Request,
    id_or_domain: &str,
) -> bool {
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let named = match token.and_then(|token| key.verify(token)) {
        Some(claims) => claims.tid,
        None => request.segments().into_iter().next().unwrap_or_default(),
    };
    tenants
        .iter()
        .any(|tenant| tenant.is(&named) && tenant.is(id_or_domain))
}
