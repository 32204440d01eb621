//! Collecting: what was updated since the last run goes to a sink, once; and how far each stream has come.
//!
//! Graph: <https://learn.microsoft.com/graph/api/security-list-incidents>,
//! <https://learn.microsoft.com/graph/api/security-list-alerts_v2>,
//! <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    alerts::ListAlerts,
    hunting::{Parameters, Query, RunHuntingQuery},
    incidents::ListIncidents,
    vocabulary::{Since, instant},
};
use crate::{
    call::Call,
    collect::{
        checkpoint::{Ledger, lag_seconds},
        event::Kind,
        hunt::Hunt,
        run::{self, Asked, Collected},
        updates::Updates,
    },
    error::{Code, Error, Result},
    operation::{Answer, Group, Operation, Permissions},
    time::{Timestamp, to_text},
};

/// Where to start or rewind a stream to: what was updated since then is delivered, again if need be.
fn starting(since: Option<Since>, call: &Call<'_>) -> Result<Option<Timestamp>> {
    let since = instant(since, call.invocation.now)?;
    // Clocks may differ, but not by a day.
    let tomorrow = Timestamp::now() + Duration::from_secs(86_400);
    match since.is_some_and(|since| since > tomorrow) {
        true => Err(Error::field("since", "it lies in the future")),
        false => Ok(since),
    }
}

/// `GET /security/incidents` by their last update.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CollectIncidents {
    since: Option<Since>,
    /// Whether each incident carries its alerts.
    expand_alerts: Option<bool>,
}

impl Operation for CollectIncidents {
    type Answers = Collected<'static>;

    const NAME: &'static str = "collect_incidents";
    const SUMMARY: &'static str = "Deliver every incident that was updated since the last run";
    const GROUP: Group = Group::Collecting;
    const ROUTE: (&'static str, &'static str) = ("POST", "/collections/incidents");
    const PERMISSIONS: Permissions = Permissions {
        xdr: &[],
        ..ListIncidents::PERMISSIONS
    };

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let asked = Asked {
            stream: "incidents",
            since: starting(self.since, call)?,
        };
        let updates = Updates {
            kind: Kind::Incident,
            expand_alerts: self.expand_alerts.unwrap_or_default(),
        };
        run::run(call, asked, &updates).await
    }
}

/// `GET /security/alerts_v2` by their last update.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CollectAlerts {
    since: Option<Since>,
}

impl Operation for CollectAlerts {
    type Answers = Collected<'static>;

    const NAME: &'static str = "collect_alerts";
    const SUMMARY: &'static str = "Deliver every alert that was updated since the last run";
    const GROUP: Group = Group::Collecting;
    const ROUTE: (&'static str, &'static str) = ("POST", "/collections/alerts");
    const PERMISSIONS: Permissions = Permissions {
        xdr: &[],
        ..ListAlerts::PERMISSIONS
    };

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let asked = Asked {
            stream: "alerts",
            since: starting(self.since, call)?,
        };
        let updates = Updates {
            kind: Kind::Alert,
            expand_alerts: false,
        };
        run::run(call, asked, &updates).await
    }
}

/// `POST /security/runHuntingQuery`, over the time since the last run.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CollectHunting {
    name: Name,
    query: Query,
    /// Values for names in the query. They cannot change it, whatever they hold.
    #[serde(default)]
    parameters: Parameters,
    since: Option<Since>,
}

impl Operation for CollectHunting {
    type Answers = Collected<'static>;

    const NAME: &'static str = "collect_hunting";
    const SUMMARY: &'static str =
        "Deliver the rows that a query finds in the time since the last run";
    const GROUP: Group = Group::Collecting;
    const ROUTE: (&'static str, &'static str) = ("POST", "/collections/hunting");
    const PERMISSIONS: Permissions = Permissions {
        xdr: &[],
        ..RunHuntingQuery::PERMISSIONS
    };

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let asked = Asked {
            stream: &format!("hunting-{}", self.name.0),
            since: starting(self.since, call)?,
        };
        let hunt = Hunt {
            query: self.parameters.bind(&self.query.0),
        };
        run::run(call, asked, &hunt).await
    }
}

/// A row of `CHECKPOINT_TABLE`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCheckpoint {
    stream: Stream,
}

impl Operation for GetCheckpoint {
    type Answers = Stands<'static>;

    const NAME: &'static str = "get_checkpoint";
    const SUMMARY: &'static str = "Show how far a stream was delivered, and how far it lags";
    const GROUP: Group = Group::Collecting;
    const ROUTE: (&'static str, &'static str) = ("GET", "/collections/{stream}");
    const PERMISSIONS: Permissions = Permissions::none();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let stream = self.stream.0;
        let standing = Ledger::new(call, &run::key(call, &stream)?)?.look().await?;
        let running = standing.is_held_for().is_some();
        let Some(checkpoint) = standing.checkpoint else {
            let detail = format!("Nothing was collected yet of the stream {stream}.");
            return Err(Error::new(Code::NotFound, detail));
        };
        Ok(Answer::of(&Stands {
            stream: &stream,
            tenant_id: call.tenant.as_str(),
            checkpoint: to_text(checkpoint.at),
            lag_seconds: lag_seconds(checkpoint.through, Timestamp::now()),
            since: to_text(checkpoint.since),
            lookback_from: to_text(checkpoint.from),
            seen: checkpoint.seen.len(),
            version: checkpoint.version,
            running,
        }))
    }
}

/// Where a stream stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StreamCheckpoint")]
pub struct Stands<'a> {
    stream: &'a str,
    tenant_id: &'a str,
    /// The instant of the latest update that was delivered.
    checkpoint: String,
    /// How long ago it was that everything had been delivered.
    lag_seconds: i64,
    /// Where the stream was started or rewound to.
    since: String,
    /// From where on the next run looks for what came late.
    lookback_from: String,
    /// How many updates of that stretch were delivered.
    seen: usize,
    /// The number of the next batch.
    version: u64,
    running: bool,
}

/// The name of a query: letters, digits, `-` and `_`.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,40}$"), rename = "QueryName")]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match is_name(&text) {
            true => Ok(Self(text)),
            false => Err(D::Error::custom(
                "a name has 1 to 40 letters, digits, `-` and `_`",
            )),
        }
    }
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

/// `incidents`, `alerts` or `hunting-<name>`.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = "^(incidents|alerts|hunting-[A-Za-z0-9_-]{1,40})$"))]
struct Stream(String);

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix("hunting-") {
            Some(name) if is_name(name) => Ok(Self(text)),
            None if matches!(text.as_str(), "incidents" | "alerts") => Ok(Self(text)),
            _ => Err(D::Error::custom(
                "expected `incidents`, `alerts` or `hunting-<name>`",
            )),
        }
    }
}
