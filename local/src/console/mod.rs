//! The console: what a browser sees at the gateway's root. The operations to fill in and send, the tenant and its faults
//! where it is simulated, and the last invocations with their log lines.

mod assets;
mod faults;
mod invocations;
mod page;
mod tenant;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use invocations::Invocations;
pub(crate) use invocations::{Ended, Invocation};
pub use tenant::{Simulated, Tenant};

use crate::gateway::{Reply, problem};

/// Nothing but what the gateway itself serves; `data:` are the icons in the user interface's stylesheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The longest form that is read, in bytes.
const FORM_LIMIT: usize = 16 * 1024;

/// What a form of the page says: names and values.
type Form = [(String, String)];

/// The console of one gateway.
pub struct Console {
    tenant: Tenant,
    invocations: Invocations,
}

/// What of the console a request is for.
pub(crate) enum Place {
    Page,
    Description,
    Asset(&'static assets::Asset),
    /// Where the simulator takes orders, for `cargo local faults`.
    Simulator,
    InjectFault,
    EndFault,
}

impl Console {
    /// The console of functions that ask this tenant.
    pub fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            invocations: Invocations::default(),
        }
    }

    /// What this request is for, if that is the console at all. At the root, only browsers get it.
    pub(crate) fn place(request: &Request<Incoming>) -> Option<Place> {
        let browses = || {
            let accept = request.headers().get(ACCEPT)?.to_str().ok()?;
            accept.contains("text/html").then_some(Place::Page)
        };
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => browses(),
            (&Method::GET, "/openapi.json") => Some(Place::Description),
            (&Method::GET, "/console/simulator") => Some(Place::Simulator),
            (&Method::GET, path) => assets::at(path).map(Place::Asset),
            (&Method::POST, faults::INJECT) => Some(Place::InjectFault),
            (&Method::POST, faults::END) => Some(Place::EndFault),
            _ => None,
        }
    }

    pub(crate) async fn answer(&self, place: Place, request: Request<Incoming>) -> Reply {
        match place {
            Place::Page => {
                let page = page::render(&self.tenant, &self.invocations);
                reply("text/html; charset=utf-8", page.into_string().into())
            }
            Place::Description => reply("application/json", description()),
            Place::Asset(asset) => match asset.bytes() {
                Ok(bytes) => {
                    let mut reply = reply(asset.content_type, bytes);
                    // Made anew with each build; asked for with each page.
                    set(&mut reply, CACHE_CONTROL, "no-cache");
                    reply
                }
                Err(error) => problem(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &format!("{} is not readable: {error}. Build it again.", asset.path),
                ),
            },
            Place::Simulator => match &self.tenant {
                Tenant::Simulated(simulated) => {
                    let origin = simulated.simulator.origin().to_owned();
                    reply("text/plain; charset=utf-8", origin.into())
                }
                Tenant::Real(_) => no_simulator(),
            },
            Place::InjectFault => self.change(request, faults::inject).await,
            Place::EndFault => self.change(request, faults::end).await,
        }
    }

    /// Remembers an invocation that has ended.
    pub(crate) fn record(&self, ended: Ended) {
        self.invocations.record(ended);
    }

    /// Does to the simulator what a form says, and sends the browser back to where it was.
    async fn change(
        &self,
        request: Request<Incoming>,
        change: fn(&Simulated, &Form) -> Result<(), String>,
    ) -> Reply {
        let Tenant::Simulated(simulated) = &self.tenant else {
            return no_simulator();
        };
        let Ok(body) = Limited::new(request.into_body(), FORM_LIMIT)
            .collect()
            .await
        else {
            return problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is no form of the console.",
            );
        };
        let form: Vec<_> = form_urlencoded::parse(&body.to_bytes())
            .into_owned()
            .collect();
        match change(simulated, &form) {
            Ok(()) => {
                let mut reply = reply("text/plain", Bytes::new());
                *reply.status_mut() = StatusCode::SEE_OTHER;
                set(&mut reply, LOCATION, "/#faults");
                reply
            }
            Err(why) => problem(StatusCode::BAD_REQUEST, &why),
        }
    }
}

fn no_simulator() -> Reply {
    problem(
        StatusCode::NOT_FOUND,
        "Only a simulated tenant has faults. `cargo local serve --simulator` starts with one.",
    )
}

/// The OpenAPI document, as it is true here: at this address, and without authorisation.
fn description() -> Bytes {
    let mut document = crate::description::openapi();
    document["servers"] = json!([{ "url": "/" }]);
    if let Some(document) = document.as_object_mut() {
        document.remove("security");
    }
    document.to_string().into()
}

fn reply(content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(body.into());
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        set(&mut reply, name, value);
    }
    reply
}

fn set(reply: &mut Reply, name: HeaderName, value: &'static str) {
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}
