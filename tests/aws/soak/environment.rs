//! An environment in which runs are invoked one after the other, and killed where it was told to be.

use std::{collections::HashSet, process::Command, time::Duration};

use fastrand::Rng;
use local::runtime_api::{Function, Outcome};
use serde_json::{Value, json};
use simulator::Simulator;

use super::{
    cloud::Cloud,
    now,
    relay::{Deed, Point, Relay},
};

pub struct Environment {
    function: Function,
    relay: Relay,
}

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    At(Point),
    After(Duration),
}

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    pub complete: bool,
    pub killed: bool,
    /// Another run had the turn.
    pub refused: bool,
    pub delivered: u64,
    /// Microsoft's clock when it began and when it ended.
    pub stretch: (i64, i64),
    /// What it said.
    pub answer: Value,
    deeds: Vec<Deed>,
}

/// Any point; more often one between a delivery and its checkpoint.
pub fn kill(random: &mut Rng) -> Kill {
    match random.u8(0..6) {
        0 => Kill::At(Point::Before(random.usize(1..40))),
        1 => Kill::At(Point::After(random.usize(1..40))),
        2 => Kill::After(Duration::from_millis(random.u64(0..1000))),
        _ => Kill::At(Point::Delivered(random.usize(1..3))),
    }
}

impl Environment {
    pub fn start(
        operation: &str,
        simulator: &Simulator,
        cloud: &Cloud,
        relay: Relay,
        timeout: Duration,
    ) -> Self {
        let function = Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
            .envs(simulator.environment())
            .envs(cloud.environment(&relay.origin))
            .timeout(timeout)
            .start();
        Self {
            function: function.expect("bootstrap starts"),
            relay,
        }
    }

    pub async fn run(&mut self, simulator: &Simulator, input: &Value, kill: Option<Kill>) -> Ran {
        let point = match kill {
            Some(Kill::At(point)) => Some(point),
            _ => None,
        };
        let Self { function, relay } = self;
        relay.begin(point);
        let begun = now(simulator);
        let deadly = async {
            match kill {
                Some(Kill::After(time)) => tokio::time::sleep(time).await,
                Some(Kill::At(_)) => drop(relay.struck.recv().await),
                None => std::future::pending().await,
            }
            end(function.pid());
            std::future::pending::<()>().await
        };
        let outcome = tokio::select! {
            outcome = function.invoke(input.to_string()) => outcome,
            () = deadly => unreachable!("it has no end"),
        };
        let (answer, killed) = match &outcome {
            Outcome::Answer(_) => (outcome.json(), false),
            Outcome::Exited { .. } if kill.is_some() => (Value::Null, true),
            Outcome::Error { .. } => (json!({ "problem": outcome.problem() }), false),
            other => panic!("{other:?}"),
        };
        Ran {
            complete: answer["complete"] == true,
            killed,
            refused: answer["problem"]["code"] == "Conflict",
            delivered: answer["delivered"].as_u64().unwrap_or_default(),
            stretch: (begun, now(simulator)),
            deeds: relay.end(),
            answer,
        }
    }

    /// So many requests to AWS failed.
    pub fn faults(&self) -> usize {
        self.relay.faults()
    }
}

/// As Lambda ends a process: at once.
fn end(pid: u32) {
    let status = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    status.expect("there is a `kill`");
}

impl Ran {
    /// The events that it delivered and settled, and those that it delivered and had not settled when it ended; then how many it sent
    /// again because an answer was lost.
    pub fn deliveries(&mut self) -> (Vec<String>, HashSet<String>, usize) {
        let (mut settled, mut open, mut again) = (Vec::new(), HashSet::new(), 0);
        for deed in std::mem::take(&mut self.deeds) {
            match deed {
                Deed::Delivered(events) => {
                    for event in events {
                        again += usize::from(!open.insert(event));
                    }
                }
                Deed::Saved => settled.extend(open.drain()),
            }
        }
        (settled, open, again)
    }
}
