//! The client-credentials grant: Entra's checks in order, then a signed token.

use serde_json::{Value, json};

use super::assertion::Surroundings;
use super::key::Claims;
use super::refusal::Refusal;
use super::{Resource, Version, claims, credential, issuer};
use crate::request::Request;
use crate::state::{State, guid};
use crate::time::SECOND;

pub(super) fn tenant_not_found(tenant: &str) -> Refusal {
    Refusal::new(
        90002,
        format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        ),
    )
}

/// The body of a successful token answer: numbers on version 2, strings on version 1.
pub(super) fn issue(
    state: &mut State,
    request: &Request,
    tenant: &str,
    version: Version,
) -> Result<Value, Refusal> {
    if request.method != "POST" {
        let message = format!(
            "The endpoint only accepts POST requests. Received a {} request.",
            request.method
        );
        return Err(Refusal::new(900561, message));
    }
    let fields = request.form();
    let form = |name: &str| {
        fields
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.clone())
    };
    let required = |name: &str| {
        form(name).ok_or_else(|| {
            Refusal::new(
                900144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    };

    if matches!(
        tenant.to_ascii_lowercase().as_str(),
        "common" | "organizations" | "consumers"
    ) {
        let message = format!(
            "The grant type isn't supported over the /{tenant} endpoint. Use the tenant-specific endpoint."
        );
        return Err(Refusal::new(9001023, message));
    }
    let grant = required("grant_type")?;
    if grant != "client_credentials" {
        return Err(Refusal::new(
            70003,
            format!("The app requested an unsupported grant type '{grant}'."),
        ));
    }
    let (client_id, credential) = credential::presented(request, &form);
    let client_id = client_id.map_or_else(|| required("client_id"), Ok)?;
    let resource = match version {
        Version::V1 => required("resource")?,
        Version::V2 if form("resource").is_some() => {
            return Err(Refusal::new(
                901002,
                "The 'resource' request parameter isn't supported.",
            ));
        }
        Version::V2 => scope_resource(&required("scope")?)?,
    };

    let asked = claims::asked(&form)?;
    let (now, named) = (state.clock.now(), tenant);
    let issuers = state.issuers();
    let tenant = state
        .tenants
        .iter_mut()
        .find(|known| known.is(tenant))
        .ok_or_else(|| tenant_not_found(tenant))?;
    let (tenant_id, display_name) = (tenant.tenant_id.clone(), tenant.display_name.clone());
    let ahead = tenant.assertion_clock_ahead_seconds;
    let app = tenant.app(&client_id).cloned().ok_or_else(|| Refusal::new(700016, format!(
        "Application with identifier '{client_id}' was not found in the directory '{display_name}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
    )))?;
    if !app.service_principal {
        let message = format!(
            "The client application {client_id} is missing service principal in the tenant {tenant_id}."
        );
        return Err(Refusal::new(7000229, message));
    }
    if !app.enabled {
        return Err(Refusal::new(
            7000112,
            format!(
                "Application '{client_id}'({}) is disabled.",
                app.display_name
            ),
        ));
    }
    let surroundings = Surroundings {
        audiences: endpoints(&state.origin, [named, &tenant_id]),
        now: jiff::Timestamp::now().as_second() + ahead,
        issuers: &issuers,
        used: &mut state.used_assertions,
    };
    credential::check(&app, &credential, now, surroundings)?;
    let granted_for = Resource::named(&resource).ok_or_else(|| Refusal::new(500011, format!(
        "The resource principal named {resource} was not found in the tenant named {display_name}."
    )))?;

    let (issued, lifetime) = (now.div_euclid(SECOND), app.token_lifetime_seconds);
    let mut claims = Claims {
        iat: issued,
        nbf: issued,
        exp: issued + lifetime,
        idp: issuer(&tenant_id, Version::V1),
        idtyp: "app".into(),
        oid: app.client_id.clone(),
        sub: app.client_id.clone(),
        uti: guid(),
        acrs: claims::values(&asked, "acrs"),
        xms_cc: claims::values(&asked, "xms_cc"),
        ..Claims::default()
    };
    let (id, strength) = (app.client_id.clone(), credential.strength().to_owned());
    // The resource decides about the version, not the endpoint.
    if app
        .version_2_tokens
        .iter()
        .any(|one| one == granted_for.key())
    {
        claims.ver = "2.0".into();
        claims.aud = granted_for.app_id().into();
        claims.iss = issuer(&tenant_id, Version::V2);
        (claims.azp, claims.azpacr) = (id, strength);
    } else {
        claims.ver = "1.0".into();
        claims.aud = granted_for.audience().into();
        claims.iss = issuer(&tenant_id, Version::V1);
        (claims.appid, claims.appidacr) = (id, strength);
    }
    claims.tid = tenant_id;
    claims.roles = app
        .roles
        .get(granted_for.key())
        .cloned()
        .unwrap_or_default();
    tenant.issued.insert(claims.uti.clone(), asked);
    let access_token = state.key.sign(&claims, granted_for == Resource::Graph);
    Ok(match version {
        Version::V2 => json!({
            "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": access_token,
        }),
        Version::V1 => json!({
            "token_type": "Bearer", "expires_in": lifetime.to_string(), "ext_expires_in": lifetime.to_string(),
            "expires_on": claims.exp.to_string(), "not_before": claims.nbf.to_string(), "resource": resource,
            "access_token": access_token,
        }),
    })
}

/// The token endpoint of a tenant by each of its names, here and at the login host that this origin stands for.
fn endpoints(origin: &str, names: [&str; 2]) -> Vec<String> {
    let hosts = [origin, "https://login.microsoftonline.com"];
    let bases = hosts
        .iter()
        .flat_map(|host| names.map(|name| format!("{host}/{name}")));
    bases
        .flat_map(|base| ["/oauth2/v2.0/token", "/oauth2/token"].map(|end| format!("{base}{end}")))
        .collect()
}

/// The one resource of `{resource}/.default`.
pub(super) fn scope_resource(scope: &str) -> Result<String, Refusal> {
    let invalid = |why: &str| {
        Refusal::new(
            70011,
            format!("The provided value for the input parameter 'scope' isn't valid. {why}"),
        )
    };
    let mut scopes = scope.split_whitespace();
    match (scopes.next(), scopes.next()) {
        (Some(one), None) => one
            .strip_suffix("/.default")
            .map(str::to_owned)
            .ok_or_else(|| invalid(&format!("The scope {one} isn't valid: client credentials take the resource with /.default behind it."))),
        _ => Err(invalid(&format!("One resource at a time: the scopes in '{scope}' are not compatible with each other."))),
    }
}
