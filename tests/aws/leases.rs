//! Leases: moto's DynamoDB makes callers for one device take turns.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use local::runtime_api::Function;
use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::moto::Moto;

const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
const TABLE: &str = "leases";

struct Turns {
    moto: Moto,
    simulator: Simulator,
}

impl Turns {
    fn start() -> Self {
        let moto = Moto::start();
        moto.ask("create_lease_table", &json!({ "name": TABLE }));
        let simulator = Simulator::start();
        Self { moto, simulator }
    }

    fn function(&self, table: &str, timeout: u64) -> Function {
        Function::builder(env!("CARGO_BIN_EXE_bootstrap"), "isolate_device")
            .envs(self.simulator.environment())
            .envs(self.moto.environment("DYNAMODB"))
            .env("LEASE_TABLE", table)
            .timeout(Duration::from_secs(timeout))
            .start()
            .expect("bootstrap starts")
    }

    async fn isolate(&self, timeout: u64) -> Result<Value, Value> {
        outcome(&self.function(TABLE, timeout)).await
    }

    fn hold(&self, expires: u64) {
        let lease =
            json!({ "table": TABLE, "key": format!("device {DEVICE}"), "expires": expires });
        self.moto.ask("put_lease", &lease);
    }

    fn leases(&self) -> Value {
        self.moto.ask("leases", &json!({ "table": TABLE }))
    }

    fn posts(&self) -> usize {
        let requests = self.simulator.requests();
        requests
            .iter()
            .filter(|request| request.path.ends_with("/isolate"))
            .count()
    }
}

async fn outcome(function: &Function) -> Result<Value, Value> {
    let input = json!({ "deviceId": DEVICE, "comment": "c" }).to_string();
    let outcome = function.invoke(input).await;
    match outcome.error() {
        None => Ok(outcome.json()),
        Some(_) => Err(outcome.problem()),
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock is past 1970").as_secs()
}

#[tokio::test]
async fn a_lease_is_given_back_when_the_action_is_answered_or_refused() {
    let turns = Turns::start();
    turns.moto.record();
    assert_eq!(turns.isolate(29).await.unwrap()["outcome"], "requested");
    assert_eq!(turns.moto.signed_services(), ["dynamodb", "dynamodb"]);
    assert_eq!(turns.leases(), json!({}));
    turns
        .simulator
        .inject(Fault::from(Kind::throttle(600)).path("/api/machineactions"));
    assert_eq!(turns.isolate(29).await.unwrap_err()["code"], "Throttled");
    assert_eq!(turns.leases(), json!({}));
}

#[tokio::test]
async fn a_crashed_holder_delays_others_by_its_rest_at_most() {
    let turns = Turns::start();
    turns.hold(now() + 2);
    assert_eq!(turns.isolate(29).await.unwrap()["outcome"], "requested");
    assert_eq!(turns.leases(), json!({}));
}

#[tokio::test]
async fn who_cannot_wait_for_its_turn_is_told_how_long_it_takes_and_sends_nothing() {
    let turns = Turns::start();
    turns.hold(now() + 300);
    let problem = turns.isolate(2).await.unwrap_err();
    assert_eq!(problem["code"], "DeadlineExceeded");
    let rest = problem["retryAfterSeconds"].as_u64().unwrap();
    assert!((1..=300).contains(&rest), "{problem}");
    assert_eq!(turns.posts(), 0);
    let holder = &turns.leases()[format!("device {DEVICE}")]["holder"];
    assert_eq!(holder, "another caller");
}

#[tokio::test]
async fn an_unknown_outcome_keeps_others_away_until_it_can_be_seen() {
    let turns = Turns::start();
    turns.simulator.edit("harbourline.example", |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3600)
    });
    turns.simulator.inject(
        Fault::from(Kind::DropAfter)
            .method("POST")
            .path("/api/machines"),
    );
    let before = now();
    let unknown = turns.isolate(4).await.unwrap_err();
    assert_eq!(unknown["code"], "OutcomeUnknown");
    let expires = turns.leases()[format!("device {DEVICE}")]["expires"]
        .as_u64()
        .unwrap();
    // The lists have so long to catch up.
    assert!((before + 30..=now() + 30).contains(&expires), "{expires}");
    assert_eq!(
        turns.isolate(2).await.unwrap_err()["code"],
        "DeadlineExceeded"
    );
    assert_eq!(turns.posts(), 1);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named_and_nothing_is_sent() {
    let turns = Turns::start();
    let problem = outcome(&turns.function("missing", 29)).await.unwrap_err();
    assert_eq!(problem["code"], "Misconfigured");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("LEASE_TABLE names no table"), "{detail}");
    assert_eq!(turns.posts(), 0);
}

#[tokio::test]
async fn a_dry_run_takes_no_turn() {
    let turns = Turns::start();
    turns.hold(now() + 300);
    let input = json!({ "deviceId": DEVICE, "comment": "c", "dryRun": true }).to_string();
    let answer = turns.function(TABLE, 5).invoke(input).await.json();
    assert_eq!(answer["outcome"], "dryRun");
}
