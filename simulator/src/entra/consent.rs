//! Administrators' consent: the page on which one accepts or declines, and the way back to the application.

use form_urlencoded::Serializer;

use super::Resource;
use super::consent_page;
use super::refusal::Refusal;
use super::token::{scope_resource, tenant_not_found};
use crate::answer::Answer;
use crate::app::App;
use crate::request::Request;
use crate::state::{State, guid};

/// Which of the three addresses the administrator was sent to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// `/{tenant}/v2.0/adminconsent`, with a scope.
    V2,
    /// `/{tenant}/adminconsent`, without.
    V1,
    /// `/{tenant}/oauth2/authorize?prompt=consent`, which tells the application nothing but a code.
    Authorize,
}

/// A request for consent that can be put before the administrator.
struct Asked {
    kind: Kind,
    tenant: usize,
    /// As its home tenant has it registered.
    app: App,
    redirect_uri: String,
    state: Option<String>,
    scope: Option<String>,
}

/// The page for GET, its two buttons' POST, which leads back to the application.
pub(super) fn answer(state: &mut State, request: &Request, tenant: &str, kind: Kind) -> Answer {
    let asked = match asked(state, request, tenant, kind) {
        Ok(asked) => asked,
        Err(refusal) => return consent_page::refused(&refusal),
    };
    if request.method != "POST" {
        let tenant = &state.tenants[asked.tenant];
        return consent_page::question(tenant, &asked.app, &wanted(&asked.app));
    }
    let fields = request.form();
    let accepted = ("decision".to_owned(), "accept".to_owned());
    let back = match fields.contains(&accepted) {
        true => {
            grant(state, &asked);
            accepted_at(state, &asked)
        }
        false => declined_at(&asked),
    };
    Answer::empty(303).header("location", back)
}

fn asked(state: &State, request: &Request, tenant: &str, kind: Kind) -> Result<Asked, Refusal> {
    let field = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let required = |name: &str| {
        field(name).ok_or_else(|| {
            let message =
                format!("The request body must contain the following parameter: '{name}'.");
            Refusal::new(900144, message)
        })
    };
    let tenant = match tenant.to_ascii_lowercase().as_str() {
        "organizations" | "common" => state.signed_in.as_str(),
        _ => tenant,
    };
    let tenant = state
        .tenants
        .iter()
        .position(|known| known.is(tenant))
        .ok_or_else(|| tenant_not_found(tenant))?;
    let client_id = required("client_id")?;
    let mut apps = state.tenants.iter().flat_map(|tenant| &tenant.apps);
    let app = apps.find(|app| app.client_id.eq_ignore_ascii_case(client_id));
    let app = app.cloned().ok_or_else(|| {
        let message = format!("Application with identifier '{client_id}' was not found.");
        Refusal::new(700016, message)
    })?;
    let scope = match kind {
        Kind::V2 => {
            let scope = required("scope")?;
            let resource = scope_resource(scope)?;
            Resource::named(&resource).ok_or_else(|| {
                let message = format!("The resource principal named {resource} was not found.");
                Refusal::new(500011, message)
            })?;
            Some(scope.to_owned())
        }
        Kind::V1 => None,
        Kind::Authorize => {
            if required("response_type")? != "code" || required("prompt")? != "consent" {
                let message = "Only response_type=code with prompt=consent is simulated.";
                return Err(Refusal::new(9002313, message));
            }
            None
        }
    };
    let redirect_uri = match (kind, field("redirect_uri"), app.redirect_uris.first()) {
        (_, Some(asked), _) => asked.to_owned(),
        (Kind::Authorize, None, Some(first)) => first.clone(),
        _ => required("redirect_uri")?.to_owned(),
    };
    if !app
        .redirect_uris
        .iter()
        .any(|known| leads_to(known, &redirect_uri))
    {
        let message = format!(
            "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured for the application '{client_id}'. Make sure the redirect URI sent in the request matches one added to your application."
        );
        return Err(Refusal::new(50011, message));
    }
    Ok(Asked {
        kind,
        tenant,
        app,
        redirect_uri,
        state: field("state").map(str::to_owned),
        scope,
    })
}

/// Whether the registered address is the one asked for; on loopback the port does not matter.
fn leads_to(registered: &str, asked: &str) -> bool {
    let portless = |uri: &str| {
        let hosts = ["http://127.0.0.1", "http://localhost"];
        let (host, rest) = hosts
            .iter()
            .find_map(|host| Some((host, uri.strip_prefix(host)?)))?;
        let rest = match rest.strip_prefix(':') {
            Some(port) => port.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => rest,
        };
        Some(format!("{host}{rest}"))
    };
    registered == asked || portless(registered).is_some_and(|one| portless(asked) == Some(one))
}

/// The roles by resource that consent grants.
fn wanted(app: &App) -> std::collections::BTreeMap<String, Vec<String>> {
    match app.required_roles.is_empty() {
        true => app.roles.clone(),
        false => app.required_roles.clone(),
    }
}

fn grant(state: &mut State, asked: &Asked) {
    let tenant = &mut state.tenants[asked.tenant];
    let roles = wanted(&asked.app);
    match tenant.app(&asked.app.client_id) {
        Some(known) => {
            known.service_principal = true;
            known.roles = roles;
        }
        None => tenant.apps.push(App {
            enabled: true,
            service_principal: true,
            roles,
            ..asked.app.clone()
        }),
    }
}

fn accepted_at(state: &State, asked: &Asked) -> String {
    let tenant_id = state.tenants[asked.tenant].tenant_id.as_str();
    let (code, session) = (guid(), guid());
    let mut fields = match asked.kind {
        Kind::Authorize => vec![("code", code.as_str()), ("session_state", &session)],
        _ => vec![("admin_consent", "True"), ("tenant", tenant_id)],
    };
    fields.extend(asked.state.as_deref().map(|state| ("state", state)));
    fields.extend(asked.scope.as_deref().map(|scope| ("scope", scope)));
    with_query(&asked.redirect_uri, &fields)
}

/// `admin_consent=True` comes with a refusal, too.
fn declined_at(asked: &Asked) -> String {
    let description = format!(
        "AADSTS65004: User declined to consent to access the app. Trace ID: {} Correlation ID: {}",
        guid(),
        guid()
    );
    let mut fields = vec![
        ("error", "access_denied"),
        ("error_description", &description),
        ("error_subcode", "cancel"),
    ];
    fields.extend(asked.state.as_deref().map(|state| ("state", state)));
    if asked.kind != Kind::Authorize {
        fields.push(("admin_consent", "True"));
    }
    with_query(&asked.redirect_uri, &fields)
}

fn with_query(uri: &str, fields: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(fields).finish();
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{query}")
}
