//! Where collected events go, and what becomes of those that are not taken: moto's services, and a stand-in for the failures that it lacks.

mod dead_letters;
mod delivered;
mod failures;
mod parked;
mod stand_in;

use std::time::Duration;

use local::runtime_api::{Builder, Function, Outcome};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use simulator::Simulator;

use crate::moto::Moto;
use stand_in::StandIn;

const TENANT: &str = "harbourline.example";
const TABLE: &str = "checkpoints";
const PARKING: &str = "harbourline-parking";
const SINCE: &str = r#"{"since": "2026-11-17T00:00:00Z"}"#;

/// A queue as the stand-in has it, which is not where requests go.
const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/defender";
const DEAD: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/defender-dead";

/// A tenant with so many incidents, of consecutive ids and a minute apart, and a table for the checkpoints.
struct Stage {
    moto: Moto,
    simulator: Simulator,
}

impl Stage {
    fn with(incidents: usize) -> Self {
        let moto = Moto::start();
        moto.ask("create_lease_table", &json!({ "name": TABLE }));
        let simulator = Simulator::start();
        simulator.edit(TENANT, |tenant| {
            tenant.incidents.clear();
            tenant.grow_incidents(incidents, |index, incident| {
                let at = format!("2026-11-17T{:02}:{:02}:00Z", 1 + index / 60, index % 60);
                incident.created_date_time = at.clone();
                incident.last_update_date_time = at;
            });
        });
        Self { moto, simulator }
    }

    /// Makes an incident so large.
    fn enlarge(&self, index: usize, bytes: usize) {
        self.simulator.edit(TENANT, |tenant| {
            tenant.incidents[index].display_name = "x".repeat(bytes);
        });
    }

    fn builder(&self, sink: &str) -> Builder {
        let services = ["DYNAMODB", "SQS", "EVENTBRIDGE", "FIREHOSE", "S3"];
        let at_moto = services.map(|service| self.moto.environment(service));
        Function::builder(env!("CARGO_BIN_EXE_bootstrap"), "collect_incidents")
            .envs(self.simulator.environment())
            .envs(at_moto.into_iter().flatten())
            .env("CHECKPOINT_TABLE", TABLE)
            .env("SINK", sink)
            .timeout(Duration::from_secs(60))
    }

    /// With the stand-in for queues, buses and delivery streams.
    fn builder_at(&self, stand_in: &StandIn, sink: &str) -> Builder {
        ["SQS", "EVENTBRIDGE", "FIREHOSE"]
            .iter()
            .fold(self.builder(sink), |builder, service| {
                let variable = format!("AWS_ENDPOINT_URL_{service}");
                builder.env(variable, stand_in.origin.as_str())
            })
    }

    fn ids(&self) -> Vec<String> {
        self.simulator.edit(TENANT, |tenant| {
            let incidents = tenant.incidents.iter();
            incidents.map(|incident| incident.id.clone()).collect()
        })
    }

    fn tenant_id(&self) -> String {
        self.simulator
            .edit(TENANT, |tenant| tenant.tenant_id.clone())
    }
}

async fn collect(builder: Builder) -> Outcome {
    let function = builder.start().expect("bootstrap starts");
    function.invoke(SINCE).await
}

/// The SHA-256 of an event's id, in hex.
fn digest_of_id(event: &Value) -> String {
    let id = event["id"].as_str().expect("an event has an id");
    let digest = digest(&SHA256, id.as_bytes());
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The counts of an answer, without its instants.
fn counts(answer: &Value) -> Value {
    json!({
        "delivered": answer["delivered"],
        "deadLettered": answer["deadLettered"],
        "complete": answer["complete"],
        "problem": answer["problem"]["code"],
    })
}

fn all_delivered(count: usize) -> Value {
    json!({ "delivered": count, "deadLettered": null, "complete": true, "problem": null })
}
