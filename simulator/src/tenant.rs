//! A tenant's state: its applications, incidents, alerts, devices and hunting tables. Tests change it through `Simulator::edit`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::{Action, Fate, Pace, WhenInProgress};
use crate::app::App;
use crate::challenge::{Challenge, ChallengeForm};
use crate::device::Device;
use crate::entra::key;
use crate::exposure::Exposure;
use crate::hunting::Table;
use crate::incident::{Alert, Incident};
use crate::indicator::Indicator;
use crate::library::LibraryFile;
use crate::plan::Plan;
use crate::stream::Stream;
use crate::time;

/// One customer's directory with its Defender data.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// The directory's GUID, the tokens' `tid`.
    pub tenant_id: String,
    /// A verified domain; the token endpoint takes it in place of the GUID.
    pub domain: String,
    pub display_name: String,
    /// The instant at which the seeds are told.
    pub as_of: String,
    /// The applications whose service principals live here, the first being the one a caller is expected to use.
    pub apps: Vec<App>,
    #[serde(skip)]
    pub incidents: Stream<Incident>,
    #[serde(skip)]
    pub alerts: Stream<Alert>,
    /// The most incidents on a page of Graph's list; a larger `$top` is silently taken as this.
    #[serde(skip, default = "incident_page")]
    pub incident_page: usize,
    /// The same for alerts.
    #[serde(skip, default = "alert_page")]
    pub alert_page: usize,
    /// Hunting tables by name.
    #[serde(skip)]
    pub tables: BTreeMap<String, Table>,
    /// A hunting result ends after so many rows, without a word.
    #[serde(skip, default = "hunting_rows")]
    pub hunting_rows: usize,
    /// A hunting result of more bytes is refused; Graph does not state a figure. An answer is then held whole.
    #[serde(skip)]
    pub hunting_bytes: Option<usize>,
    /// Whether the Defender XDR API lists by update instead of creation; Microsoft says only "newest first".
    #[serde(default)]
    pub xdr_lists_by_update: bool,
    #[serde(skip)]
    pub devices: Vec<Device>,
    /// Every machine action in the order in which they were taken on, also those that the API does not show yet.
    #[serde(skip)]
    pub actions: Vec<Action>,
    /// How long actions take that nothing else is said about.
    #[serde(skip)]
    pub action_pace: Pace,
    /// How actions that are yet to come will end, see [`Tenant::next_actions_end`]; the first that fits decides.
    #[serde(skip)]
    pub fates: Vec<Fate>,
    #[serde(skip)]
    pub when_in_progress: WhenInProgress,
    /// So long an action is missing from the API after it was taken on: in lists, and by id.
    #[serde(skip)]
    pub actions_visible_after: Duration,
    /// The length of an investigation package; at least that of an empty archive.
    #[serde(skip, default = "package_bytes")]
    pub package_bytes: usize,
    /// How long a link to a package or to a live response's result can be followed.
    #[serde(skip, default = "link_lifetime")]
    pub link_lifetime: Duration,
    /// The items on a page of the Endpoint API's lists without `$top`.
    #[serde(skip, default = "endpoint_page")]
    pub endpoint_page: usize,
    #[serde(skip)]
    pub indicators: Vec<Indicator>,
    /// What is known about files, as the Endpoint API shows it.
    #[serde(skip)]
    pub files: Vec<Value>,
    #[serde(skip)]
    pub exposure: Exposure,
    /// Automated investigations, as the Endpoint API shows them.
    #[serde(skip)]
    pub investigations: Vec<Value>,
    /// The live response library.
    #[serde(skip)]
    pub library: Vec<LibraryFile>,
    /// How far Entra's clock, which judges client assertions, is ahead of the machine's. The simulator's own clock plays
    /// no part in that, so that a function's assertions are good under a clock that stands still.
    #[serde(skip)]
    pub assertion_clock_ahead_seconds: i64,
    /// Leaves the key that signs tokens out of the tenant's key sets, as if it were newer than they.
    #[serde(skip)]
    pub signing_key_hidden: bool,
    /// What Graph challenges this tenant's tokens for.
    #[serde(skip)]
    pub challenge: Option<Challenge>,
    #[serde(skip)]
    pub(crate) plan: Plan,
    /// How many updates were planned so far.
    #[serde(skip)]
    pub(crate) planned: usize,
    /// The clock when the actions were last brought up to it.
    #[serde(skip)]
    pub(crate) now: i64,
    /// The `claims` that each token was asked for with, by the token's `uti`.
    #[serde(skip)]
    pub(crate) issued: HashMap<String, Value>,
    #[serde(skip)]
    pub(crate) revoked: HashSet<String>,
}

fn package_bytes() -> usize {
    4096
}

fn link_lifetime() -> Duration {
    Duration::from_secs(600)
}

fn incident_page() -> usize {
    50
}

fn alert_page() -> usize {
    1000
}

fn hunting_rows() -> usize {
    100_000
}

fn endpoint_page() -> usize {
    10_000
}

impl Tenant {
    /// True for the tenant's GUID and its domain, in any case.
    pub fn is(&self, id_or_domain: &str) -> bool {
        self.tenant_id.eq_ignore_ascii_case(id_or_domain)
            || self.domain.eq_ignore_ascii_case(id_or_domain)
    }

    /// The application with this client id.
    pub fn app(&mut self, client_id: &str) -> Option<&mut App> {
        self.apps
            .iter_mut()
            .find(|app| app.client_id.eq_ignore_ascii_case(client_id))
    }

    /// The incident with this id.
    pub fn incident(&mut self, id: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|incident| incident.id == id)
    }

    /// The alert with this id.
    pub fn alert(&mut self, id: &str) -> Option<&mut Alert> {
        self.alerts.iter_mut().find(|alert| alert.id == id)
    }

    /// Every token issued so far is refused from now on with 401.
    pub fn revoke_tokens(&mut self) {
        self.revoked.extend(self.issued.drain().map(|(id, _)| id));
    }

    /// Graph challenges every token that was not asked for with these claims, in the usual form, until
    /// [`Tenant::challenge`] is something else; whether the caller said that it understands challenges is not asked.
    pub fn challenge(&mut self, claims: Value) {
        self.challenge = Some(Challenge {
            claims,
            form: ChallengeForm::default(),
            insatiable: false,
        });
    }

    /// This one token is refused from now on with 401.
    pub fn revoke_token(&mut self, token: &str) {
        self.revoked.extend(key::token_id(token));
    }

    /// Adds `count` incidents of consecutive ids; `shape` sets what matters to the test, such as equal update times over
    /// the edge of a page. Each starts a minute older than the one before, counted back from `as_of`.
    pub fn grow_incidents(&mut self, count: usize, mut shape: impl FnMut(usize, &mut Incident)) {
        let first = self.next_incident_id();
        let end = time::parse(&self.as_of).unwrap_or_default();
        for index in 0..count {
            let at = time::format(end - (index as i64 + 1) * 60 * time::SECOND);
            let mut incident = Incident::new(&self.tenant_id, first + index as u64, &at);
            shape(index, &mut incident);
            self.incidents.push(incident);
        }
    }

    /// An incident that becomes visible only now although its update time lies in the past; answers its id.
    pub fn late_arrival(&mut self, updated: &str) -> String {
        let incident = Incident::new(&self.tenant_id, self.next_incident_id(), updated);
        let id = incident.id.clone();
        self.incidents.push(incident);
        id
    }

    pub(crate) fn next_incident_id(&self) -> u64 {
        self.incidents
            .iter()
            .filter_map(|incident| incident.id.parse::<u64>().ok())
            .max()
            .unwrap_or(1000)
            + 1
    }
}
