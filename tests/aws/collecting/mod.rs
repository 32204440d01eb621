//! Collecting: the simulated tenant's updates, delivered to a queue in moto, with the checkpoint in moto's DynamoDB.

mod changes;
mod hunting;
mod turns;
mod walking;

use std::time::Duration;

use local::runtime_api::{Builder, Function, Outcome};
use serde_json::{Value, json};
use simulator::{Incident, Simulator, Tenant, time};

use crate::moto::Moto;

const TABLE: &str = "checkpoints";
const DOMAIN: &str = "harbourline.example";

/// What a test looks back from: its updates are newer than any of the tenant's own.
const START: &str = "2026-11-18T09:30:01Z";

struct Streams {
    moto: Moto,
    simulator: Simulator,
    queue: String,
}

impl Streams {
    fn start() -> Self {
        Self::with(Simulator::start())
    }

    fn with(simulator: Simulator) -> Self {
        let moto = Moto::start();
        moto.ask("create_lease_table", &json!({ "name": TABLE }));
        let queue = moto.ask("create_queue", &json!({ "name": "events" }));
        let queue = queue.as_str().expect("a queue has a URL").to_owned();
        let streams = Self {
            moto,
            simulator,
            queue,
        };
        // Later than the look-back after the tenant's own updates.
        streams.simulator.advance(Duration::from_secs(3600));
        streams
    }

    fn builder(&self, operation: &str) -> Builder {
        Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
            .envs(self.simulator.environment())
            .envs(self.moto.environment("DYNAMODB"))
            .env("AWS_ENDPOINT_URL", self.moto.origin())
            .env("CHECKPOINT_TABLE", TABLE)
            .timeout(Duration::from_secs(600))
            .env("SINK", format!("sqs:{}", self.queue))
    }

    async fn outcome(&self, operation: &str, input: Value) -> Outcome {
        let function = self.builder(operation).start().expect("bootstrap starts");
        function.invoke(input.to_string()).await
    }

    async fn run(&self, operation: &str, input: Value) -> Value {
        let outcome = self.outcome(operation, input).await;
        assert!(outcome.error().is_none(), "{outcome:?}");
        outcome.json()
    }

    /// A run of the incidents, with what it delivered.
    async fn incidents(&self, input: Value) -> (Value, Vec<Value>) {
        let answer = self.run("collect_incidents", input).await;
        (answer, self.delivered())
    }

    /// What the queue has, which is then gone.
    fn delivered(&self) -> Vec<Value> {
        let events = self.moto.ask("drain", &json!({ "name": "events" }));
        serde_json::from_value(events).expect("a list")
    }

    fn rows(&self) -> Value {
        self.moto.ask("rows", &json!({ "table": TABLE }))
    }

    fn tenant(&self) -> String {
        self.edit(|tenant| tenant.tenant_id.clone())
    }

    fn edit<R>(&self, change: impl FnOnce(&mut Tenant) -> R) -> R {
        self.simulator.edit(DOMAIN, change)
    }

    /// Puts an incident that was created and updated so many milliseconds after the start.
    fn put(&self, id: u64, created: i64, updated: i64, shape: impl FnOnce(&mut Incident)) {
        self.edit(|tenant| {
            let mut incident = Incident::new(&tenant.tenant_id, id, &after(created));
            incident.last_update_date_time = after(updated);
            shape(&mut incident);
            tenant.incidents.put(incident);
        });
    }

    /// `GET /v1.0/security/incidents?$filter=...`, one line for each request to Graph.
    fn lines(&self) -> Vec<String> {
        let requests = self.simulator.requests();
        let to_graph = requests
            .iter()
            .filter(|request| request.path.starts_with("/v1.0"));
        to_graph
            .map(|request| {
                let query: Vec<_> = request
                    .query
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                format!("{} {}?{}", request.method, request.path, query.join("&"))
                    .trim_end_matches('?')
                    .to_owned()
            })
            .collect()
    }
}

/// The instant so many milliseconds after the start.
fn after(milliseconds: i64) -> String {
    time::format(time::parse(START).expect("an instant") + milliseconds * time::SECOND / 1000)
}

fn ids(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["item"]["id"].as_str().expect("an item has an id"))
        .collect()
}

fn changes(events: &[Value]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|event| {
            (
                event["item"]["id"].as_str().expect("an item has an id"),
                event["change"].as_str().expect("an event has a change"),
            )
        })
        .collect()
}
