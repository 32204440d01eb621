//! What the contestants are given to do.

use std::fmt;

use clap::ValueEnum;

use crate::canned;

/// A job: the function, its environment and its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Job {
    /// 50 incidents, one page of Graph's
    #[value(name = "incidents-50")]
    Incidents50,
    /// 500 incidents, over pages of 50
    #[value(name = "incidents-500")]
    Incidents500,
    /// A hunt whose answer Lambda still carries whole: 16,000 rows, about 5 MB
    HuntBuffered,
    /// A hunt of 100,000 rows, about 30 MB: streamed by who can, else answered whole, although Lambda carries 6 MB only
    HuntStreamed,
    /// A device is isolated
    Isolate,
    /// 50 incidents of each of 50 tenants, in one process
    #[value(name = "tenants-50")]
    Tenants50,
    /// 50 incidents, the client secret kept by Secrets Manager: the cold start
    ColdSecret,
    /// 50 incidents, no secret, AWS vouches for the function: the cold start
    ColdFederation,
}

impl Job {
    /// All of them, in the order of the tables.
    pub const ALL: [Job; 8] = [
        Job::Incidents50,
        Job::Incidents500,
        Job::HuntBuffered,
        Job::HuntStreamed,
        Job::Isolate,
        Job::Tenants50,
        Job::ColdSecret,
        Job::ColdFederation,
    ];

    /// The heading of its table.
    pub fn title(self) -> &'static str {
        match self {
            Job::Incidents50 => "50 incidents",
            Job::Incidents500 => "500 incidents over pages of 50",
            Job::HuntBuffered => "A hunt of 16,000 rows (5 MB), buffered",
            Job::HuntStreamed => {
                "A hunt of 100,000 rows (30 MB), streamed where the contestant can"
            }
            Job::Isolate => "Isolate a device",
            Job::Tenants50 => "50 incidents of each of 50 tenants in one process",
            Job::ColdSecret => "Cold start with the secret in Secrets Manager, 50 incidents",
            Job::ColdFederation => "Cold start with AWS federation, 50 incidents",
        }
    }

    /// `_HANDLER`.
    pub fn handler(self) -> &'static str {
        match self {
            Job::HuntBuffered | Job::HuntStreamed => "run_hunting_query",
            Job::Isolate => "isolate_device",
            _ => "list_incidents",
        }
    }

    /// The variables that tell how the function proves who it is, and whom it may act for.
    pub fn environment(self) -> Vec<(&'static str, String)> {
        let mut variables = match self {
            Job::ColdSecret => vec![("AZURE_CLIENT_SECRET_ID", "defender/client".to_owned())],
            Job::ColdFederation => vec![("AZURE_CREDENTIAL", "aws".to_owned())],
            _ => vec![("AZURE_CLIENT_SECRET", canned::SECRET.to_owned())],
        };
        match self {
            Job::Tenants50 => {
                let tenants: Vec<_> = (0..TENANTS).map(tenant).collect();
                variables.push(("ALLOWED_TENANTS", tenants.join(",")));
            }
            Job::HuntStreamed => variables.push(("RESPONSE_STREAMING", "on".to_owned())),
            _ => {}
        }
        variables
    }

    /// The event with this number, counted from 0.
    pub fn event(self, number: usize) -> String {
        match self {
            Job::Incidents50 | Job::ColdSecret | Job::ColdFederation => r#"{"top":50}"#.to_owned(),
            Job::Incidents500 => r#"{"top":500}"#.to_owned(),
            Job::HuntBuffered => format!(r#"{{"query":"{}"}}"#, query(canned::ROWS_BUFFERED)),
            Job::HuntStreamed => format!(r#"{{"query":"{}"}}"#, query(canned::ROWS_STREAMED)),
            Job::Isolate => format!(
                r#"{{"deviceId":"{}","comment":"Seen beaconing, case 4711"}}"#,
                canned::DEVICE
            ),
            Job::Tenants50 => format!(r#"{{"top":50,"tenantId":"{}"}}"#, tenant(number % TENANTS)),
        }
    }

    /// The same as a function URL gives it, for who streams its answers to one.
    pub fn event_of_function_url(self, number: usize) -> String {
        let body = self.event(number).replace('"', "\\\"");
        format!(
            r#"{{"version":"2.0","rawPath":"/","rawQueryString":"","headers":{{"content-type":"application/json"}},"requestContext":{{"domainName":"abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws","http":{{"method":"POST","path":"/"}},"timeEpoch":0}},"body":"{body}","isBase64Encoded":false}}"#
        )
    }

    /// How many events come after the first until all is warm: each tenant's token is fetched by then.
    pub fn warm_up(self) -> usize {
        match self {
            Job::Tenants50 => TENANTS,
            _ => 0,
        }
    }

    /// How many warm events a round has, where a job of small answers has `most`. None where only the cold start counts.
    pub fn warm(self, most: usize) -> usize {
        match self {
            Job::Incidents50 | Job::Isolate | Job::Tenants50 => most,
            Job::Incidents500 | Job::HuntBuffered => most.div_ceil(5),
            Job::HuntStreamed => most.div_ceil(20),
            Job::ColdSecret | Job::ColdFederation => 0,
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.write_str(name.as_ref().map_or("", |name| name.get_name()))
    }
}

/// How many tenants one process serves.
const TENANTS: usize = 50;

fn query(rows: usize) -> String {
    format!("DeviceProcessEvents | take {rows}")
}

fn tenant(number: usize) -> String {
    format!("5e1f0000-0000-4000-8000-{number:012}")
}
