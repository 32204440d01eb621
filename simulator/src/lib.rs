//! A Defender tenant on loopback: Microsoft Entra ID, Microsoft Graph security, the Defender XDR API and the Defender for
//! Endpoint API, as far as their public documentation tells, and of AWS what a function of theirs needs to come in without
//! a secret. One origin serves everything:
//!
//! | path | what |
//! |---|---|
//! | `/{tenant}/oauth2/v2.0/token`, `/{tenant}/oauth2/token` | client credentials with a secret, a certificate's assertion or a federated token; `claims`; AADSTS refusals; RS256 tokens |
//! | `/{tenant}/v2.0/adminconsent`, `/{tenant}/adminconsent`, `/{tenant}/oauth2/authorize` | a page on which an administrator consents or does not |
//! | `POST /` | AWS's `sts:GetWebIdentityToken`, signature and all |
//! | `/{tenant}[/v2.0]/.well-known/openid-configuration`, `/{tenant}/discovery[/v2.0]/keys` | discovery, key sets |
//! | `/v1.0/security/incidents`, `/v1.0/security/alerts_v2` | list, get, update, comment |
//! | `/v1.0/security/runHuntingQuery` | a KQL subset over small tables |
//! | `/api/incidents`, `/api/advancedhunting/run` | the same incidents and tables as the XDR API tells them |
//! | `/api/machines` | devices, what is known about each, tags and values, and the response actions |
//! | `/api/machineactions` | actions that move by the clock, cancelling, links to packages and live responses' results |
//! | `/api/libraryfiles`, `/api/indicators`, `/api/alerts`, `/api/investigations` | the live response library, indicators, Graph's alerts in this API's words, investigations |
//! | `/api/files`, `/api/ips`, `/api/domains`, `/api/users` | what hunting tables and alerts tell of them |
//! | `/api/vulnerabilities`, `/api/Software`, `/api/recommendations`, `/api/exposureScore`, `/api/configurationScore` | exposure |
//! | `/_storage/...` | what the links lead to: no token wanted, none allowed, refused when the link is too old |
//! | `/_simulator/...` | the simulator's own: `GET`/`DELETE requests`, `GET`/`POST`/`DELETE faults`, `POST`/`DELETE actions` (how those to come will end), `GET tenants`, `POST updates` (yet to come), `POST clock`, `GET health` |
//!
//! ```sh
//! curl -s "$GRAPH_ENDPOINT/_simulator/faults" -d '{"kind":"throttle","retryAfter":2,"path":"/v1.0/security/incidents","times":3}'
//! curl -s "$DEFENDER_ENDPOINT/_simulator/actions" -d '{"tenant":"harbourline.example","type":"Isolate","status":"Failed","after":"PT60S","times":1}'
//! ```
//!
//! What changes while it is read is planned: [`Tenant::plan_update`] has an incident or alert appear, in time or late, when
//! the clock reaches an instant, [`Fault::share`] lets a part of the requests fail, and the lists and hunting results of a
//! tenant are as short as [`Tenant::incident_page`], [`Tenant::alert_page`], [`Tenant::hunting_rows`] and
//! [`Tenant::hunting_bytes`] make them.
//!
//! A machine action is Pending, then InProgress, then ended, as the simulator's clock passes; only one that Succeeded changes
//! its device. [`Tenant::action_pace`] says how fast, [`Tenant::next_actions_end`] and [`Tenant::end_action`] how it ends,
//! [`Tenant::when_in_progress`] what a second one meets, [`Tenant::actions_visible_after`] how late the API shows it, and
//! [`Tenant::history`] what really was taken on.
//!
//! A client assertion is judged by the machine's clock, so that a function's own are good while the simulator's clock stands
//! still ([`Tenant::assertion_clock_ahead_seconds`] sets it off), and without leeway. It is refused with AADSTS50027 if it
//! is malformed or lacks `exp` or `jti`, 700021 if `iss` or `sub` is not the client id, 700023 for another `aud`, 700024
//! outside its time, 5002738 for an unknown `alg`, 700027 for a key that is unknown, expired or did not sign it, 50013 if its
//! `jti` was used before. A federated token gets 70021 where there is no federated credential, 700211, 700213 (7002138 if
//! but the case differs) and 700212 for an `iss`, `sub` and `aud` that none has, 90061 if the issuer's keys are unknown
//! ([`Simulator::know_issuer`]), then the numbers above. What has not spread yet is a [`Kind::Entra`] fault: 70021 for a
//! fresh federated credential, 7000229 or 700016 after consent.
//!
//! Graph's tokens have a `nonce` in their header and are signed over its digest, so that only Graph can verify them, and
//! Graph alone gives claims challenges ([`Tenant::challenge`]). Key sets hold a second key, which signs nothing.
//!
//! Not simulated: quotas (a throttle comes only as a fault), signing in, starting investigations, `$select` and `$search`,
//! KQL beyond the subset. Where the documentation is silent a choice was made: a `jti` is required and good for one use, lists
//! are newest creation first, a next page is linked even where its `$skip` will be refused, a hunting answer ends after
//! 100,000 rows, the opposite of an action under way is taken on, an isolated device can be isolated again, a live response
//! fails if the library lacks its script, and a device is taken to have had its addresses since it was first seen.

mod access;
mod action;
mod administrator;
mod answer;
mod app;
mod aws;
mod builder;
mod certificate;
mod challenge;
mod clock;
mod control;
mod customers;
mod device;
mod endpoint;
mod entra;
mod exposure;
mod faults;
mod graph;
mod hunting;
mod incident;
mod indicator;
mod jwt;
mod kql;
mod library;
mod live_response;
mod odata;
mod plan;
mod request;
mod respond;
mod routes;
mod seeds;
mod server;
mod state;
mod storage;
mod stream;
mod strike;
mod tenant;
pub mod time;
mod xdr;

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use action::{Accepted, Action, ActionKind, Cancellation, Fate, Pace, Status, WhenInProgress};
pub use administrator::Decision;
pub use app::{App, FederatedCredential, Secret};
pub use aws::{Aws, AwsRefusal};
pub use builder::Builder;
pub use certificate::Certificate;
pub use challenge::{Challenge, ChallengeForm};
pub use device::{Device, Isolation};
pub use exposure::{Exposure, GroupScore, Known, Version};
pub use faults::{Fault, Form, Kind, RetryAfter};
pub use hunting::Table;
pub use incident::{Alert, Comment, Incident};
pub use indicator::Indicator;
pub use kql::value::{Column, Row, Type, Value};
pub use library::LibraryFile;
pub use live_response::Command;
pub use plan::Update;
pub use request::Request;
pub use stream::{Item, Stream};
pub use tenant::Tenant;

/// A running simulator; it stops when dropped.
pub struct Simulator {
    origin: String,
    ca_pem: Option<String>,
    state: server::Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// The committed tenants on a free port of 127.0.0.1, without TLS, the clock standing still at their `asOf`.
    ///
    /// # Panics
    /// If no port can be had or the committed tenants cannot be read.
    pub fn start() -> Simulator {
        Simulator::builder()
            .start()
            .expect("loopback has a free port and the committed tenants are readable")
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:41234`
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The root certificate to trust, when TLS is on.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The variables that point a function at the first tenant and its first application.
    pub fn environment(&self) -> Vec<(String, String)> {
        let state = server::lock(&self.state);
        self.variables(&state.tenants[0], state.tenants[0].apps.first())
    }

    /// The same for the application of this client id or display name, in the first tenant that has it.
    ///
    /// # Panics
    /// If no tenant has it.
    pub fn environment_of(&self, app: &str) -> Vec<(String, String)> {
        let state = server::lock(&self.state);
        let named = |one: &&App| one.client_id.eq_ignore_ascii_case(app) || one.display_name == app;
        let mut tenants = state.tenants.iter();
        let found = tenants.find_map(|tenant| Some((tenant, tenant.apps.iter().find(named)?)));
        let (tenant, app) =
            found.unwrap_or_else(|| panic!("the simulator has no application {app}"));
        self.variables(tenant, Some(app))
    }

    /// Lets tokens of this issuer be verified by the key of this certificate, so that federated credentials can name it.
    ///
    /// # Panics
    /// If the certificate is not PEM.
    pub fn know_issuer(&self, issuer: &str, certificate: &Certificate) {
        let read = certificate::Registered::read(&certificate.certificate_pem);
        let key = read.expect("a certificate in PEM").public_key;
        let mut state = server::lock(&self.state);
        state.foreign_issuers.push((issuer.to_owned(), key));
    }

    fn variables(&self, tenant: &Tenant, app: Option<&App>) -> Vec<(String, String)> {
        let secret = app
            .and_then(|app| app.secrets.first())
            .map(|secret| secret.value.clone());
        let pairs = [
            ("AZURE_TENANT_ID", tenant.tenant_id.clone()),
            (
                "AZURE_CLIENT_ID",
                app.map(|app| app.client_id.clone()).unwrap_or_default(),
            ),
            ("AZURE_CLIENT_SECRET", secret.unwrap_or_default()),
            ("AZURE_AUTHORITY_HOST", self.origin.clone()),
            ("GRAPH_ENDPOINT", self.origin.clone()),
            ("DEFENDER_ENDPOINT", self.origin.clone()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Every request since the start or the last [`Simulator::clear_requests`], the simulator's own endpoints left out.
    pub fn requests(&self) -> Vec<Request> {
        server::lock(&self.state).requests.clone()
    }

    pub fn clear_requests(&self) {
        server::lock(&self.state).requests.clear();
    }

    /// Adds a fault behind those that are live.
    pub fn inject(&self, fault: impl Into<Fault>) {
        server::lock(&self.state).faults.0.push(fault.into());
    }

    /// The live faults, each with how many requests it met.
    pub fn faults(&self) -> Vec<Fault> {
        server::lock(&self.state).faults.0.clone()
    }

    /// Ends the live fault at this place of [`Simulator::faults`], if there is one.
    pub fn end_fault(&self, place: usize) {
        server::lock(&self.state).faults.end(place);
    }

    pub fn clear_faults(&self) {
        server::lock(&self.state).faults.clear();
    }

    /// Changes a tenant's state, or reads it, and answers what `change` does. Requests wait meanwhile.
    ///
    /// # Panics
    /// If there is no such tenant.
    pub fn edit<R>(&self, tenant_id_or_domain: &str, change: impl FnOnce(&mut Tenant) -> R) -> R {
        let mut state = server::lock(&self.state);
        state.settle();
        let tenant = state.tenant(tenant_id_or_domain);
        change(
            tenant.unwrap_or_else(|| panic!("the simulator has no tenant {tenant_id_or_domain}")),
        )
    }

    /// The simulator's clock, as Microsoft writes instants.
    pub fn now(&self) -> String {
        time::format(server::lock(&self.state).clock.now())
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        server::lock(&self.state)
            .clock
            .advance((by.as_nanos() / 100) as i64);
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there was printed there.
            let _ = thread.join();
        }
    }
}
