//! The consent page in HTML: the question with its two buttons, and why there is no question.

use std::collections::BTreeMap;

use super::refusal::Refusal;
use crate::answer::Answer;
use crate::app::App;
use crate::tenant::Tenant;

const STYLE: &str = "body{font:1rem/1.5 sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}button{font:inherit;padding:.5rem 1.5rem;margin-right:1rem}";

/// What the application wants in this tenant. The buttons post to the page's own address.
pub(super) fn question(
    tenant: &Tenant,
    app: &App,
    roles: &BTreeMap<String, Vec<String>>,
) -> Answer {
    let wanted: String = roles
        .iter()
        .flat_map(|(resource, roles)| roles.iter().map(move |role| (resource, role)))
        .map(|(resource, role)| format!("<li>{}: {}</li>", escaped(resource), escaped(role)))
        .collect();
    let body = format!(
        "<h1>Permissions requested</h1><p><strong>{}</strong> asks {} for these permissions, for the whole organisation:</p><ul>{wanted}</ul><form method=\"post\"><button name=\"decision\" value=\"accept\">Accept</button><button name=\"decision\" value=\"decline\">Decline</button></form>",
        escaped(&app.display_name),
        escaped(&tenant.display_name),
    );
    page(200, "Permissions requested", &body)
}

/// Entra's own error page; nothing goes back to the application.
pub(super) fn refused(refusal: &Refusal) -> Answer {
    let body = format!(
        "<h1>Sorry, but we’re having trouble signing you in.</h1><p>AADSTS{}: {}</p>",
        refusal.code,
        escaped(&refusal.message)
    );
    page(400, "Sign in to your account", &body)
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    );
    Answer::new(status, "text/html; charset=utf-8", html).header("cache-control", "no-store")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
