//! The page that an administrator sees after the consent page: what came of it, and what to do.

use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use super::confirmation::{Confirmed, Decided, Declined};
use crate::{
    error::{Code, Error},
    operation::{Answer, Page},
};

/// Colours have a contrast of 7 to 1 and more, by day and by night.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1b1f;--quiet:#46464f;--ground:#fdfcff;--line:#c7c5d0;--link:#0b47a1}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e5ea;--quiet:#c7c5d0;--ground:#131316;--line:#46464f;--link:#a9c7ff}}\
body{margin:0;background:var(--ground);color:var(--ink);font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:anywhere}\
main{box-sizing:border-box;max-width:40rem;margin:0 auto;padding:3rem 1.25rem}\
h1{margin:0 0 1rem;font-size:1.75rem;line-height:1.25}\
a{color:var(--link)}\
footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.9375rem}";

/// Writes the page, with the id by which the function's log can be searched.
pub fn render(outcome: Result<&Answer, &Error>, request_id: &str) -> Page {
    let decided = outcome.map(|answer| serde_json::from_str::<Decided>(answer.json()));
    let (heading, content, code) = match &decided {
        Ok(Ok(Decided::Active(confirmed))) => ("Consent is complete", complete(confirmed), None),
        Ok(Ok(Decided::Declined(declined))) => (
            "Consent was not given",
            refused(declined),
            Some(declined.code.as_str()),
        ),
        Ok(Ok(Decided::Incomplete(confirmed))) => (
            "Consent was given, but something is missing",
            incomplete(confirmed),
            None,
        ),
        Ok(Err(_)) => ("Something went wrong", later(), None),
        Err(error) => {
            let (heading, content) = failed(error);
            let upstream = error
                .upstream()
                .and_then(|upstream| upstream.code.as_deref());
            (heading, content, upstream)
        }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (heading) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (heading) }
                    (content)
                    footer {
                        "If you ask for support, quote this request id: "
                        code { (request_id) }
                        @if let Some(code) = code { " and this code: " code { (code) } }
                        "."
                    }
                }
            }
        }
    };
    Page {
        html: page.into_string(),
        policy: policy(),
    }
}

/// Nothing is loaded, run or sent anywhere, and the one style is known by its hash.
fn policy() -> String {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn complete(confirmed: &Confirmed) -> Markup {
    html! {
        p { (organization(confirmed)) " is connected, and all permissions are there." }
        p { "There is nothing more to do. You can close this page." }
    }
}

fn incomplete(confirmed: &Confirmed) -> Markup {
    html! {
        p { (organization(confirmed)) " is connected, but not everything will work yet." }
        @if !confirmed.missing.is_empty() {
            p { "The application lacks these permissions:" }
            ul {
                @for permission in &confirmed.missing { li { (permission) } }
            }
            p {
                "If you have just consented, it may take some minutes until they show: open the link that you were sent once more then. \
                 If they are still missing, whoever sent you the link has to add them to the application. Then "
                @match &confirmed.consent_link {
                    Some(link) => { a href=(link) { "consent again" } }
                    None => { "consent again" }
                }
                "."
            }
        }
        @if confirmed.problem.is_some() {
            p {
                "Microsoft Entra gives no access to one of the services, as a rule because your organization has no license for it or has \
                 not set it up. Tell whoever sent you the link."
            }
        }
    }
}

fn refused(declined: &Declined) -> Markup {
    html! {
        p { (declined.problem) }
        p {
            "Nothing was connected. If you want to consent after all, open the link that you were sent once more and sign in as an \
             administrator who may consent for the whole organization."
        }
    }
}

/// The name that the partner gave it, else its id.
fn organization(confirmed: &Confirmed) -> Markup {
    match &confirmed.display_name {
        Some(name) => html! { strong { (name) } },
        None => html! { "The organization " code { (confirmed.tenant_id) } },
    }
}

fn failed(error: &Error) -> (&'static str, Markup) {
    match error.code() {
        Code::InvalidInput => (
            "This link cannot be used",
            html! {
                p { (reason(error)) }
                p { "Nothing was connected." }
            },
        ),
        Code::CredentialRejected | Code::PermissionMissing | Code::UpstreamRejected => (
            "Consent could not be confirmed",
            html! {
                p { "Microsoft Entra does not know the application in your organization, or refuses it." }
                p {
                    "If you have just consented, wait a few minutes and open the link that you were sent once more. If that does not help, \
                     tell whoever sent it."
                }
            },
        ),
        _ => ("Something went wrong", later()),
    }
}

/// What is wrong with the link, in our own words: other errors may name what somebody wrote into it.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    let own = text
        .strip_prefix("`state`: ")
        .or_else(|| text.strip_prefix("`tenant`: "))
        .filter(|reason| !reason.starts_with("given more than once"));
    let mut letters = own.unwrap_or("its address was changed").chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn later() -> Markup {
    html! {
        p { "Your answer could not be recorded now." }
        p { "Wait a few minutes, then open the link that you were sent once more. If that does not help, tell whoever sent it." }
    }
}
