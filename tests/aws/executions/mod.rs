//! The workflows, run: ministack's Step Functions takes the very definitions of the template, its Lambda the real `bootstrap`, which
//! talks to a simulated tenant. Each failure ends in the state that its name says.

mod hunt;
mod respond;
mod tenants;

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Pace, Simulator, Status};

use crate::{
    stack::{STACK, Stack},
    unrolled::Parameters,
};

const TENANT: &str = "harbourline.example";
/// hl-ws-014, hl-ws-022, hl-ws-031, hl-tms-01 and hl-mac-03.
const DEVICES: [&str; 5] = [
    "5854058a899368873d73bc05e733beaa4865c8ce",
    "16f38d19b94d7ee06014656929dc34b9aab95e90",
    "2700f67fa9e28e583d53edd4a28f8b9613ba389a",
    "744303906ed435e5b472db2fbee88fa4fec75620",
    "f2ee859e2914b65c971fee1f8e1addb9426554d3",
];
/// hl-dc-01, a crown jewel.
const FORBIDDEN: &str = "70a457691357053cbc5ceeb85082124db0540ecb";
const SOON: Duration = Duration::from_millis(300);

/// A stack with workflows, and a tenant without a past whose clock runs and whose actions take half a second.
fn deploy(name: &str, more: Parameters) -> Stack {
    let simulator = Simulator::builder()
        .live_clock()
        .start()
        .expect("loopback has a free port");
    simulator.edit(TENANT, |tenant| {
        tenant.actions.clear();
        tenant.action_pace = Pace {
            pending: Duration::from_millis(200),
            running: SOON,
        };
    });
    let parameters = [
        &[
            ("Groups", "hunting"),
            ("ResponseClientId", "the second app's"),
            ("ForbidDeviceTag", "crown-jewel"),
            ("Workflows", "deploy"),
        ],
        more,
    ];
    Stack::deploy_before(name, simulator, &parameters.concat())
}

/// How an execution has ended.
pub struct Ended(Value);

impl Ended {
    #[track_caller]
    pub fn successfully(&self, stack: &Stack) -> &Value {
        assert_eq!(
            self.0["status"],
            "SUCCEEDED",
            "{}\n{}",
            self.0,
            stack.ministack.log()
        );
        &self.0["output"]
    }

    /// With this error, in the state of that name if one is given; answers the cause.
    #[track_caller]
    pub fn with(&self, error: &str, state: &str) -> &str {
        assert_eq!(self.0["status"], "FAILED", "{}", self.0);
        assert_eq!(self.0["error"], error, "{}", self.0);
        let states = self.0["states"].as_array().expect("states");
        assert_eq!(*states.last().expect("a state"), state, "{}", self.0);
        self.0["cause"].as_str().expect("a cause")
    }
}

impl Stack {
    pub fn execute(&self, workflow: &str, input: &Value) -> Ended {
        let workflow = format!("{STACK}-{workflow}");
        Ended(self.ask("execute", json!({ "workflow": workflow, "input": input })))
    }

    fn start(&self, workflow: &str, input: &Value) -> Value {
        let workflow = format!("{STACK}-{workflow}");
        self.ask("start", json!({ "workflow": workflow, "input": input }))
    }

    fn end(&self, execution: &Value) -> Ended {
        Ended(self.ask("end", json!({ "execution": execution })))
    }

    fn isolate(&self, device: &str) -> Ended {
        self.execute("respond-and-confirm", &isolation(device))
    }

    /// The actions that were taken on for a device: their ids and how they stand.
    fn history(&self, device: &str) -> Vec<(String, Status)> {
        let history = self.simulator.edit(TENANT, |tenant| tenant.history(device));
        let seen = history.into_iter();
        seen.map(|entry| (entry.action_id, entry.status)).collect()
    }

    /// How many isolations were asked for, whether they were answered or not.
    fn isolations_sent(&self) -> usize {
        let requests = self.simulator.requests();
        let sent = requests
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with("/isolate"));
        sent.count()
    }
}

fn isolation(device: &str) -> Value {
    json!({ "operation": "isolate_device", "input": { "deviceId": device, "comment": "Seen beaconing." } })
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
